using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Analytics.Customers;

internal static class CustomerEndpoints
{
    public static void MapCustomers(this WebApplication app)
    {
        var customers = app.MapApi("/analytics/customers").WithTags("customers");
        customers.MapGet("", ListCustomers.Handle).WithSummary("Customers over all time by revenue, with first and last order and interval. Role viewer.");
        customers.MapGet("/summary", SummariseCustomers.Handle).WithSummary("Repeat rate and average interval over all customers. Role viewer.");
    }
}
