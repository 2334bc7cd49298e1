namespace OpsPlatform.Attack.Tests.Fixtures;

/// <summary>What ServiceDefaults gives to every service.</summary>
internal static class EveryServiceFixtures
{
    public static FixtureTable Table { get; } = FixtureTable.Of(AttackSystem.Services.Select(Of));

    private static FixtureTable Of(string service) => new()
    {
        { $"GET /{service}/changes/stats", _ => Call.Get($"/{service}/changes/stats") },
        { $"GET /{service}/errors", _ => Call.Get($"/{service}/errors") },
        { $"GET /{service}/errors/{{id}}", async world => Call.Get($"/{service}/errors/{await world.FailedMessage(service)}") },
        { $"POST /{service}/errors/{{id}}/retry", async world => Call.Post($"/{service}/errors/{await world.FailedMessage(service)}/retry") },
    };
}
