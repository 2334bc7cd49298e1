using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Steps;

internal static class StepEndpoints
{
    public static void MapSteps(this WebApplication app) => app.MapApi("/operations").MapGet("/{id:guid}/steps", GetSteps.Handle);
}
