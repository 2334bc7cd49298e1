namespace OpsPlatform.Attack.Tests.Fixtures;

/// <summary>What ServiceDefaults gives to every service.</summary>
internal static class EveryServiceFixtures
{
    public static FixtureTable Table { get; } = FixtureTable.Of(
        [.. Repository.ServiceNames.Select(Of), Tracking("identity", "membership"), Tracking("inventory", "ingredient"), Tracking("orders", "order"), Tracking("analytics", "rebuild")]);

    private static FixtureTable Of(string service) => new()
    {
        { $"GET /{service}/changes/stats", _ => Call.Get($"/{service}/changes/stats") },
        { $"GET /{service}/hops", _ => Call.Get($"/{service}/hops").WithQuery("correlationId", Guid.NewGuid()) },
        { $"POST /{service}/errors/retry", _ => Call.Post($"/{service}/errors/retry") },
        { $"GET /{service}/errors", _ => Call.Get($"/{service}/errors") },
        { $"GET /{service}/errors/{{id}}", async world => Call.Get($"/{service}/errors/{await world.FailedMessage(service)}") },
        { $"POST /{service}/errors/{{id}}/retry", async world => Call.Post($"/{service}/errors/{await world.FailedMessage(service)}/retry") },
    };

    /// <summary>Services with tracked tables answer for them.</summary>
    private static FixtureTable Tracking(string service, string entityType) => new()
    {
        { $"GET /{service}/changes/state", _ => Call.Get($"/{service}/changes/state") },
        { $"GET /{service}/changes/digest", world => Call.Get($"/{service}/changes/digest").WithQuery("entityType", entityType).WithQuery("organisationId", world.Id).WithQuery("buckets", 4) },
        { $"POST /{service}/changes/rows", world => Call.Post($"/{service}/changes/rows", new { organisationId = world.Id, entityType, buckets = 4, inBuckets = new[] { 0 }, ids = new[] { $"{Guid.NewGuid()}" } }) },
        { $"POST /{service}/changes/emit", world => Call.Post($"/{service}/changes/emit", new { organisationId = world.Id, entityType, rows = new[] { new { id = $"{Guid.NewGuid()}", knownVersion = (long?)null } }, actor = world.Name("actor") }).AsOperator() },
        { $"GET /{service}/changes/unsent", world => Call.Get($"/{service}/changes/unsent").WithQuery("organisationId", world.Id).WithQuery("status", "pending") },
        { $"POST /{service}/changes/send", _ => Call.Post($"/{service}/changes/send").AsOperator() },
    };
}
