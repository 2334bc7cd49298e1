namespace OpsPlatform.Attack.Tests.Fixtures;

internal static class AnalyticsFixtures
{
    public static FixtureTable Table { get; } = new()
    {
        { "GET /analytics/sales", _ => Call.Get("/analytics/sales").WithQuery("limit", 5) },
        { "GET /analytics/summary", _ => Call.Get("/analytics/summary") },
        { "GET /analytics/items/top", _ => Call.Get("/analytics/items/top").WithQuery("limit", 5) },
        { "GET /analytics/items/pairs", _ => Call.Get("/analytics/items/pairs").WithQuery("limit", 5) },
        { "GET /analytics/consumption", _ => Call.Get("/analytics/consumption").WithQuery("limit", 5) },
        { "GET /analytics/customers", _ => Call.Get("/analytics/customers").WithQuery("limit", 5) },
        { "GET /analytics/customers/summary", _ => Call.Get("/analytics/customers/summary") },
        { "POST /analytics/rebuild", async world => { await world.RebuildsAreDone(); return Call.Post("/analytics/rebuild"); } },
        { "GET /analytics/rebuilds", _ => Call.Get("/analytics/rebuilds").WithQuery("limit", 5) },
        { "GET /analytics/rebuilds/{id}", async world => Call.Get($"/analytics/rebuilds/{await world.Rebuild()}") },
        { "GET /analytics/rebuilds/{id}/comparison", async world => Call.Get($"/analytics/rebuilds/{await world.Rebuild()}/comparison") },
        { "GET /analytics/rebuilds/latest/comparison", async world => { await world.Rebuild(); return Call.Get("/analytics/rebuilds/latest/comparison"); } },
        { "GET /analytics/settings", _ => Call.Get("/analytics/settings") },
        { "PUT /analytics/settings/tax/{validFrom}", _ => Call.Put("/analytics/settings/tax/2025-01-01", new { pricesIncludeTax = true, standardPercent = 20, reducedPercent = 5 }) },
        { "DELETE /analytics/settings/tax/{validFrom}", async world => Call.Delete($"/analytics/settings/tax/{await world.TaxRate()}") },
    };
}
