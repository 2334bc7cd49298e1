using OpsPlatform.ServiceDefaults;

namespace OpsPlatform.OperationTracking.Approvals;

/// <summary>Wakes who looks after approvals.</summary>
internal sealed class ApprovalSignal : Signal;
