namespace OpsPlatform.Attack.Tests.Fixtures;

internal static class OperationsFixtures
{
    public static FixtureTable Table { get; } = new()
    {
        {
            "GET /operations", async world => Call.Get("/operations").WithQuery("status", "completed").WithQuery("operationType", "attack.run").WithQuery("entityType", "attack")
                .WithQuery("entityId", await world.EndedOperation()).WithQuery("tag", world.Marker).WithQuery("user", world.Owner.UserId).WithQuery("mine", "true")
                .WithQuery("from", "2020-01-01T00:00:00Z").WithQuery("text", world.Marker).WithQuery("limit", 5)
        },
        { "GET /operations/{id}", async world => Call.Get($"/operations/{await world.Operation()}") },
        { "GET /operations/{id}/status", async world => Call.Get($"/operations/{await world.Operation()}/status") },
        // One that has ended is answered at once.
        { "GET /operations/{id}/wait", async world => Call.Get($"/operations/{await world.EndedOperation()}/wait").WithQuery("version", "1.1.completed").WithQuery("seconds", 5) },
        { "GET /operations/{id}/events", async world => Call.Get($"/operations/{await world.EndedOperation()}/events").WithHeader("Last-Event-ID", "1.1.in_progress") },
        { "GET /operations/{id}/timeline", async world => Call.Get($"/operations/{await world.Operation()}/timeline").WithQuery("limit", 5) },
        { "POST /operations/{id}/cancel", async world => Call.Post($"/operations/{await world.NewOperation()}/cancel", new { reason = world.Name("reason") }) },
        { "GET /operations/audit", _ => Call.Get("/operations/audit") },
    };
}
