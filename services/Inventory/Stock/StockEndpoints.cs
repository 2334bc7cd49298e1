using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Inventory.Stock;

internal static class StockEndpoints
{
    public static void MapStock(this WebApplication app)
    {
        var inventory = app.MapApi("/inventory").WithTags("Stock");
        inventory.MapGet("/log", ListStockLog.Handle);
        inventory.MapGet("/status", ListStockStatus.Handle);
        inventory.MapGet("/totals", GetStockTotals.Handle);
        app.MapApi("/inventory/export", Roles.Service).WithTags("Stock").MapGet("/consumption", ExportConsumption.Handle)
            .WithSummary("Everything orders consumed, by order id, for a service that counts from zero. Role service, or admin.");
    }
}
