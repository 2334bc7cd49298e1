namespace OpsPlatform.Attack.Tests.Fixtures;

internal static class SyncFixtures
{
    public static FixtureTable Table { get; } = new()
    {
        { "GET /sync/feed", _ => Call.Get("/sync/feed").WithQuery("after", 0).WithQuery("limit", 5).WithQuery("wait", 0) },
        { "GET /sync/stats", _ => Call.Get("/sync/stats") },
        { "POST /sync/tickets", _ => Call.Post("/sync/tickets") },
    };
}
