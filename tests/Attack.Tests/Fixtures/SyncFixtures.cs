namespace OpsPlatform.Attack.Tests.Fixtures;

internal static class SyncFixtures
{
    public static FixtureTable Table { get; } = new()
    {
        { "GET /sync/feed", _ => Call.Get("/sync/feed").WithQuery("after", 0).WithQuery("limit", 5).WithQuery("wait", 0) },
        { "GET /sync/health", _ => Call.Get("/sync/health") },
        { "GET /sync/events", _ => Call.Get("/sync/events").WithQuery("limit", 5) },
        { "GET /sync/alerts", _ => Call.Get("/sync/alerts").WithQuery("limit", 5) },
        { "GET /sync/settings", _ => Call.Get("/sync/settings") },
        { "GET /sync/mismatches", _ => Call.Get("/sync/mismatches").WithQuery("limit", 5) },
        { "POST /sync/resync", async world => Call.Post("/sync/resync", await world.ResyncBody()) },
        { "GET /sync/resyncs", _ => Call.Get("/sync/resyncs").WithQuery("limit", 5) },
        { "GET /sync/metrics", _ => Call.Get("/sync/metrics").WithQuery("metricType", "latency").WithQuery("limit", 5) },
        { "GET /sync/stats", _ => Call.Get("/sync/stats") },
        { "POST /sync/tickets", _ => Call.Post("/sync/tickets") },
    };
}
