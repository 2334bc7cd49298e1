using OpsPlatform.Orders.Story;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Idempotency;

namespace OpsPlatform.Orders.Orders;

internal static class OrderEndpoints
{
    public static void AddOrders(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<OrderDesk>();
        builder.Services.AddSingleton<OrderNumbers>();
        builder.Services.AddSingleton<Neighbours>();
        builder.Services.AddSingleton<DecisionWait>();
        builder.Services.AddScoped<WakeAfterCommit>();
        builder.Services.ConfigureDbContext<OrdersDb>((services, options) => options.AddInterceptors(services.GetRequiredService<WakeAfterCommit>()));
        builder.Services.AddHostedService<AskInventoryAgain>();
    }

    public static void MapOrders(this WebApplication app)
    {
        var orders = app.MapApi("/orders");
        orders.MapGet("/", ListOrders.Handle);
        orders.MapGet("/summary", SummariseOrders.Handle);
        orders.MapGet("/{id:guid}", GetOrder.Handle);
        orders.MapGet("/{id:guid}/story", GetOrderStory.Handle)
            .WithSummary("Every step of an order through all services, with its time: requests, rows, messages and feed entries.");
        orders.MapPost("/", PlaceOrder.Handle).RequireAuthorization(Roles.Staff).HoldsIdempotencyKey();
        orders.MapPost("/{id:guid}/confirm", ConfirmOrder.Handle).RequireAuthorization(Roles.Staff);
        orders.MapPost("/{id:guid}/cancel", CancelOrder.Handle).RequireAuthorization(Roles.Staff);
        orders.MapPost("/{id:guid}/complete", CompleteOrder.Handle).RequireAuthorization(Roles.Staff);
        app.MapApi("/orders/export", Roles.Service).MapGet("/", ExportOrders.Handle)
            .WithSummary("Everything decided about orders, by when they occurred, for a service that counts from zero. Role service, or admin.");
    }
}
