namespace OpsPlatform.Attack.Tests.Fixtures;

internal static class OperationsFixtures
{
    public static FixtureTable Table { get; } = new()
    {
        {
            "GET /operations", async world => Call.Get("/operations").WithQuery("status", "completed").WithQuery("operationType", "attack.run").WithQuery("entityType", "attack")
                .WithQuery("entityId", await world.EndedOperation()).WithQuery("tag", world.Marker).WithQuery("user", world.Owner.UserId).WithQuery("mine", "true")
                .WithQuery("from", "2020-01-01T00:00:00Z").WithQuery("text", world.Marker).WithQuery("parentId", await world.Parent()).WithQuery("limit", 5)
        },
        { "GET /operations/{id}", async world => Call.Get($"/operations/{await world.Operation()}") },
        { "GET /operations/{id}/status", async world => Call.Get($"/operations/{await world.Operation()}/status") },
        // One that has ended is answered at once.
        { "GET /operations/{id}/wait", async world => Call.Get($"/operations/{await world.EndedOperation()}/wait").WithQuery("version", "1.1.completed").WithQuery("seconds", 5) },
        { "GET /operations/{id}/events", async world => Call.Get($"/operations/{await world.EndedOperation()}/events").WithHeader("Last-Event-ID", "1.1.in_progress") },
        { "GET /operations/events", async world => Call.Get("/operations/events").WithQuery("operationId", await world.EndedOperation()) },
        { "GET /operations/{id}/timeline", async world => Call.Get($"/operations/{await world.Operation()}/timeline").WithQuery("limit", 5) },
        { "POST /operations/{id}/cancel", async world => Call.Post($"/operations/{await world.NewOperation()}/cancel", new { reason = world.Name("reason") }) },
        { "GET /operations/{id}/cancel", async world => Call.Get($"/operations/{await world.Operation()}/cancel") },
        { "GET /operations/{id}/undo", async world => Call.Get($"/operations/{await world.Import()}/undo") },
        { "POST /operations/{id}/undo", async world => Call.Post($"/operations/{await world.NewImport()}/undo") },
        { "GET /operations/audit", _ => Call.Get("/operations/audit") },
        { "GET /operations/audit/keys", _ => Call.Get("/operations/audit/keys") },
        { "GET /operations/audit/checkpoints", _ => Call.Get("/operations/audit/checkpoints").WithQuery("limit", 5) },
        { "GET /operations/audit/entries", _ => Call.Get("/operations/audit/entries").WithQuery("after", 1).WithQuery("limit", 5) },
        { "GET /operations/feed", async world => Call.Get("/operations/feed").WithQuery("after", await world.FeedPosition()).WithQuery("wait", 0).WithQuery("tag", world.Marker).WithQuery("operationType", "attack.run") },
        { "POST /operations/tickets", _ => Call.Post("/operations/tickets") },
        {
            "GET /operations/statistics", _ => Call.Get("/operations/statistics").WithQuery("from", "2026-06-01").WithQuery("to", "2027-06-01").WithQuery("operationType", "attack.run")
        },
        { "POST /operations", async world => Call.Post("/operations", world.PostedBody(hasPlan: true, await world.Parent())) },
        { "GET /operations/{id}/steps", async world => Call.Get($"/operations/{await world.BegunPosted()}/steps") },
        { "POST /operations/{id}/close", async world => Call.Post($"/operations/{await world.NewBatch()}/close") },
        { "POST /operations/{id}/begin", async world => Call.Post($"/operations/{await world.NewPosted()}/begin", new { force = false }) },
        { "POST /operations/{id}/reports", async world => Call.Post($"/operations/{await world.BegunPosted()}/reports", world.ReportBody()) },
        { "POST /operations/{id}/end", async world => Call.Post($"/operations/{await world.NewBegunPosted()}/end", world.EndBody()) },
        { "POST /operations/{id}/retry", async world => Call.Post($"/operations/{await world.NewFailedPosted()}/retry") },
        { "GET /operations/{id}/metadata", async world => Call.Get($"/operations/{await world.BegunPosted()}/metadata") },
        { "POST /operations/bulk", async world => Call.Post("/operations/bulk", new { action = "cancel", ids = new[] { await world.NewPosted() }, filter = World.FilterBody(), reason = world.Name("reason") }) },
        { "GET /operations/{id}/bulk", async world => Call.Get($"/operations/{await world.Bulk()}/bulk").WithQuery("limit", 5) },
        { "GET /operations/approvals", _ => Call.Get("/operations/approvals").WithQuery("limit", 5) },
        { "GET /operations/{id}/approval", async world => Call.Get($"/operations/{await world.NewPlanned()}/approval") },
        { "POST /operations/{id}/votes", async world => Call.Post($"/operations/{await world.NewPlanned()}/votes", new { decision = "approve", reason = world.Name("reason"), digest = world.Marker }) },
        { "POST /operations/policies/check", world => Call.Post("/operations/policies/check", new { policy = world.PolicyBody(), userId = world.Owner.UserId, records = 1, money = 1.5, deletions = 1 }) },
        { "GET /operations/alerts", _ => Call.Get("/operations/alerts").WithQuery("state", "open").WithQuery("limit", 5) },
        { "GET /operations/alerts/rules", _ => Call.Get("/operations/alerts/rules") },
        { "POST /operations/alerts/rules", world => Call.Post("/operations/alerts/rules", world.AlertRuleBody()) },
        { "PUT /operations/alerts/rules/{id}", async world => Call.Put($"/operations/alerts/rules/{await world.NewAlertRule()}", world.AlertRuleBody()) },
        { "DELETE /operations/alerts/rules/{id}", async world => Call.Delete($"/operations/alerts/rules/{await world.NewAlertRule()}") },
        { "GET /operations/webhooks", _ => Call.Get("/operations/webhooks") },
        { "POST /operations/webhooks", world => Call.Post("/operations/webhooks", world.WebhookBody()) },
        { "GET /operations/webhooks/{id}", async world => Call.Get($"/operations/webhooks/{await world.Webhook()}") },
        { "PUT /operations/webhooks/{id}", async world => Call.Put($"/operations/webhooks/{await world.NewWebhook()}", world.WebhookBody()) },
        { "DELETE /operations/webhooks/{id}", async world => Call.Delete($"/operations/webhooks/{await world.NewWebhook()}") },
        { "POST /operations/webhooks/{id}/rotate", async world => Call.Post($"/operations/webhooks/{await world.NewWebhook()}/rotate") },
        { "POST /operations/webhooks/{id}/test", async world => Call.Post($"/operations/webhooks/{await world.NewWebhook()}/test") },
        { "GET /operations/webhooks/{id}/deliveries", async world => Call.Get($"/operations/webhooks/{await world.Webhook()}/deliveries").WithQuery("limit", 5) },
        { "POST /operations/webhooks/{id}/deliveries/{deliveryId}/retry", async world => Call.Post(await world.RetryOfDelivery()) },
    };
}
