namespace OpsPlatform.Attack.Tests.Fixtures;

internal static class OrdersFixtures
{
    public static FixtureTable Table { get; } = new()
    {
        { "GET /menu", _ => Call.Get("/menu").WithQuery("limit", 5) },
        { "POST /menu", async world => Call.Post("/menu", world.MenuItemBody(await world.Recipe(), Guid.NewGuid())) },
        { "GET /menu/{id}", async world => Call.Get($"/menu/{await world.MenuItem()}") },
        { "PUT /menu/{id}", async world => Call.Put($"/menu/{await world.NewMenuItem()}", world.MenuItemBody(await world.Recipe())) },
        { "DELETE /menu/{id}", async world => Call.Delete($"/menu/{await world.NewMenuItem()}") },
        { "GET /orders", _ => Call.Get("/orders").WithQuery("status", "placed").WithQuery("from", "2020-01-01T00:00:00Z").WithQuery("limit", 5) },
        { "POST /orders", async world => Call.Post("/orders", world.OrderBody(await world.MenuItem(), Guid.NewGuid())) },
        { "GET /orders/export", _ => Call.Get("/orders/export").WithQuery("limit", 5) },
        { "POST /orders/exports", _ => Call.Post("/orders/exports", World.ExportBody()) },
        { "GET /orders/exports/{id}/file", async world => Call.Get($"/orders/exports/{await world.OrderExport()}/file") },
        { "GET /orders/summary", _ => Call.Get("/orders/summary") },
        { "GET /orders/{id}", async world => Call.Get($"/orders/{await world.Order()}") },
        { "GET /orders/{id}/story", async world => Call.Get($"/orders/{await world.Order()}/story") },
        { "POST /orders/{id}/confirm", async world => Call.Post($"/orders/{await world.NewOrder()}/confirm").WithHeader("Prefer", "wait=5") },
        { "POST /orders/{id}/cancel", async world => Call.Post($"/orders/{await world.NewOrder()}/cancel") },
        { "POST /orders/{id}/complete", async world => Call.Post($"/orders/{await world.ConfirmedOrder()}/complete") },
        { "GET /customers", _ => Call.Get("/customers").WithQuery("limit", 5) },
        { "GET /customers/{id}", async world => Call.Get($"/customers/{await world.Customer()}") },
    };
}
