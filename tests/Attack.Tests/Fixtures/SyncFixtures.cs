namespace OpsPlatform.Attack.Tests.Fixtures;

internal static class SyncFixtures
{
    public static FixtureTable Table { get; } = new()
    {
        { "GET /sync/feed", _ => Call.Get("/sync/feed").WithQuery("after", 0).WithQuery("limit", 5).WithQuery("wait", 0) },
        { "GET /sync/stats", _ => Call.Get("/sync/stats") },
        { "GET /sync/health", _ => Call.Get("/sync/health") },
        { "GET /sync/metrics", _ => Call.Get("/sync/metrics").WithQuery("metricType", "latency").WithQuery("limit", 5) },
        { "GET /sync/events", _ => Call.Get("/sync/events").WithQuery("limit", 5) },
        { "GET /sync/alerts", _ => Call.Get("/sync/alerts") },
        { "GET /sync/settings", _ => Call.Get("/sync/settings") },
        { "GET /sync/mismatches", _ => Call.Get("/sync/mismatches") },
        { "POST /sync/resync", _ => Call.Post("/sync/resync", new { service = "inventory", preview = true }) },
        { "GET /sync/resyncs", _ => Call.Get("/sync/resyncs") },
        { "POST /sync/tickets", _ => Call.Post("/sync/tickets") },
    };
}
