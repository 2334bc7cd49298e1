using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Orders.Customers;

internal static class CustomerEndpoints
{
    public static void MapCustomers(this WebApplication app)
    {
        var customers = app.MapApi("/customers");
        customers.MapGet("/", ListCustomers.Handle);
        customers.MapGet("/{id:guid}", GetCustomer.Handle);
    }
}
