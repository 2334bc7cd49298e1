using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Analytics.Sales;

internal static class SalesEndpoints
{
    public static void MapSales(this WebApplication app)
    {
        var analytics = app.MapApi("/analytics").WithTags("sales");
        analytics.MapGet("/sales", ListSales.Handle)
            .WithSummary("Sales of business days from..to (at most 400, the last 30 unless told), by=day|hour|item|category. Role viewer.");
        analytics.MapGet("/summary", SummariseSales.Handle)
            .WithSummary("Orders, revenue, average ticket, tax per class and ingredient cost of business days from..to. Role viewer.");
        analytics.MapGet("/items/top", ListTopItems.Handle)
            .WithSummary("The best-selling items of business days from..to, sort=revenue|quantity|tickets, at most 100. Role viewer.");
        analytics.MapGet("/items/pairs", ListPairs.Handle)
            .WithSummary("Items bought together on business days from..to with support and lift, sort=tickets|lift, at most 100. Role viewer.");
    }
}
