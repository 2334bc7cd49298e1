namespace OpsPlatform.Attack.Tests.Fixtures;

internal static class AnalyticsFixtures
{
    private static readonly object Rate = new { pricesIncludeTax = true, standardPercent = 20, reducedPercent = 5 };
    private static int _day;

    public static FixtureTable Table { get; } = new()
    {
        { "GET /analytics/sales", _ => InJanuary("/analytics/sales").WithQuery("by", "hour").WithQuery("limit", 5) },
        { "GET /analytics/summary", _ => InJanuary("/analytics/summary") },
        { "GET /analytics/items/top", _ => InJanuary("/analytics/items/top").WithQuery("sort", "quantity").WithQuery("limit", 5) },
        { "GET /analytics/items/pairs", _ => InJanuary("/analytics/items/pairs").WithQuery("sort", "lift").WithQuery("minTickets", 1).WithQuery("limit", 5) },
        { "GET /analytics/consumption", _ => InJanuary("/analytics/consumption").WithQuery("by", "day").WithQuery("limit", 5) },
        { "GET /analytics/customers", _ => Call.Get("/analytics/customers").WithQuery("limit", 5) },
        { "GET /analytics/customers/summary", _ => Call.Get("/analytics/customers/summary") },
        { "GET /analytics/settings", _ => Call.Get("/analytics/settings") },
        { "PUT /analytics/settings/tax/{validFrom}", _ => Call.Put("/analytics/settings/tax/2026-01-01", Rate) },
        { "DELETE /analytics/settings/tax/{validFrom}", async world => Call.Delete($"/analytics/settings/tax/{await world.TaxRate(NextDay(), Rate)}") },
        { "POST /analytics/rebuild", async world => { await world.NoRebuild(); return Call.Post("/analytics/rebuild"); } },
        { "GET /analytics/rebuilds", _ => Call.Get("/analytics/rebuilds").WithQuery("limit", 5) },
        { "GET /analytics/rebuilds/{id}", async world => Call.Get($"/analytics/rebuilds/{await world.Rebuild()}") },
        { "GET /analytics/rebuilds/{id}/comparison", async world => Call.Get($"/analytics/rebuilds/{await world.Rebuild()}/comparison") },
        { "GET /analytics/rebuilds/latest/comparison", async world => { await world.Rebuild(); return Call.Get("/analytics/rebuilds/latest/comparison"); } },
        { "GET /identity/export/organisation", _ => Call.Get("/identity/export/organisation") },
        { "GET /orders/export", _ => Call.Get("/orders/export").WithQuery("limit", 5) },
        { "GET /inventory/export/consumption", _ => Call.Get("/inventory/export/consumption").WithQuery("limit", 5) },
    };

    private static Call InJanuary(string path) => Call.Get(path).WithQuery("from", "2026-01-01").WithQuery("to", "2026-01-31");

    private static DateOnly NextDay() => new DateOnly(2026, 1, 2).AddDays(Interlocked.Increment(ref _day));
}
