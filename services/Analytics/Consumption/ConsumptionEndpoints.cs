using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Analytics.Consumption;

internal static class ConsumptionEndpoints
{
    public static void MapConsumption(this WebApplication app) =>
        app.MapApi("/analytics/consumption").WithTags("consumption").MapGet("", ListConsumption.Handle)
            .WithSummary("Ingredients taken from stock and their cost on business days from..to, by=ingredient|day. Role viewer.");
}
