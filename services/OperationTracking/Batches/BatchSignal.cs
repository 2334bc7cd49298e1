using OpsPlatform.ServiceDefaults;

namespace OpsPlatform.OperationTracking.Batches;

/// <summary>Wakes who rolls up batches.</summary>
internal sealed class BatchSignal : Signal;
