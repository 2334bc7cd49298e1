namespace OpsPlatform.Attack.Tests.Fixtures;

/// <summary>What ServiceDefaults gives to every service.</summary>
internal static class EveryServiceFixtures
{
    public static FixtureTable Table { get; } = FixtureTable.Of(AttackSystem.Services.Select(Of));

    private static FixtureTable Of(string service) => new()
    {
        { $"GET /{service}/changes/stats", _ => Call.Get($"/{service}/changes/stats") },
        { $"GET /{service}/changes/state", _ => Call.Get($"/{service}/changes/state") },
        { $"GET /{service}/changes/digest", async world => await Tracked(world, service, entity => Call.Get($"/{service}/changes/digest").WithQuery("entityType", entity).WithQuery("organisationId", world.Id).WithQuery("buckets", 4)) },
        { $"POST /{service}/changes/rows", async world => await Tracked(world, service, entity => Call.Post($"/{service}/changes/rows", new { organisationId = world.Id, entityType = entity, buckets = 4, inBuckets = new[] { 0 }, ids = (string[]?)null })) },
        { $"POST /{service}/changes/emit", async world => await Tracked(world, service, entity => Call.Post($"/{service}/changes/emit", new { organisationId = world.Id, entityType = entity, rows = new[] { new { id = $"{Guid.NewGuid()}", knownVersion = (long?)null } }, actor = world.Name("actor") })) },
        { $"GET /{service}/changes/unsent", world => Call.Get($"/{service}/changes/unsent").WithQuery("organisationId", world.Id).WithQuery("status", "pending") },
        { $"POST /{service}/changes/send", _ => Call.Post($"/{service}/changes/send") },
        { $"GET /{service}/errors", _ => Call.Get($"/{service}/errors") },
        { $"GET /{service}/errors/{{id}}", async world => Call.Get($"/{service}/errors/{await world.FailedMessage(service)}") },
        { $"POST /{service}/errors/{{id}}/retry", async world => Call.Post($"/{service}/errors/{await world.FailedMessage(service)}/retry") },
    };

    /// <summary>A service that tracks nothing has no entity type to ask for.</summary>
    private static async Task<Call> Tracked(World world, string service, Func<string, Call> make)
    {
        var tables = (await world.Ok(Call.Get($"/{service}/changes/state"))).GetProperty("tables");
        return tables.GetArrayLength() > 0 ? make(tables[0].GetProperty("entityType").GetString()!) : make("nothing") with { RightRefusal = 404 };
    }
}
