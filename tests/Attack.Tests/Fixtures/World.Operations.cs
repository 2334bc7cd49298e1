using System.Text.Json;
using OpsPlatform.Contracts;

namespace OpsPlatform.Attack.Tests.Fixtures;

/// <summary>What a request about operations needs to be there.</summary>
public sealed partial class World
{
    public static OperationPlan Plan(string digest) =>
        new(digest, """{"deletes":"all"}""", new([new("owners", 1, Roles: ["owner"])], AllowsOwnVote: true), 1, 1.5m, 1);

    public object PostedBody(bool hasPlan = false) => new
    {
        operationType = "attack.posted",
        displayName = Name("operation"),
        entityType = "attack",
        entityId = Marker,
        steps = new[] { new { name = Name("step"), weight = 1 } },
        context = new { colour = Name("colour") },
        tags = new[] { Marker },
        operationId = Guid.NewGuid(),
        startWithinSeconds = 86_400,
        endWithinSeconds = 86_400,
        silentForSeconds = 86_400,
        maxAttempts = 1,
        plan = hasPlan ? PlanBody() : null,
    };

    public object ReportBody() => new { fence = 1, step = 1, done = 1, total = 2, failed = 0, skipped = 0, bytes = 1, message = Name("message"), metadata = new { note = Name("note") } };

    public object AlertRuleBody() => new { name = Name("rule"), kind = "failure_rate", operationType = "attack.run", seconds = 60, percent = 50, last = 20 };

    /// <summary>Nobody listens there.</summary>
    public object WebhookBody() => new { url = $"http://127.0.0.1:1/{Marker}", events = new[] { "operation.failed" }, operationTypes = new[] { "attack.run" }, isEnabled = true };

    public Task<Guid> NewPosted() => NewOperation(PostedBody());

    /// <summary>One that the owner has to agree to.</summary>
    public Task<Guid> NewPlanned() => NewOperation(PostedBody(hasPlan: true));

    public Task<Guid> BegunPosted() => Kept("begun", NewBegunPosted);

    public async Task<Guid> NewBegunPosted()
    {
        var id = await NewPosted();
        await Ok(Call.Post($"/operations/{id}/begin", new { }));
        return id;
    }

    public async Task<Guid> NewFailedPosted()
    {
        var id = await NewBegunPosted();
        await Ok(Call.Post($"/operations/{id}/end", new { fence = 1, outcome = "failed", error = Name("error") }));
        return id;
    }

    public Task<Guid> Bulk() => Kept("bulk", async () => await NewOperation("/operations/bulk", new { action = "cancel", ids = new[] { await NewPosted() } }));

    public async Task<Guid> NewAlertRule()
    {
        await MakeRoom("/operations/alerts/rules", but: null);
        return await New(Call.Post("/operations/alerts/rules", AlertRuleBody()));
    }

    public Task<Guid> Webhook() => Kept("webhook", NewWebhook);

    public async Task<Guid> NewWebhook()
    {
        await MakeRoom("/operations/webhooks", but: _kept.TryGetValue("webhook", out var one) && one.IsCompletedSuccessfully ? one.Result : null);
        return await New(Call.Post("/operations/webhooks", WebhookBody()));
    }

    public async Task<string> RetryOfDelivery()
    {
        var webhook = await Webhook();
        var deliveries = $"/operations/webhooks/{webhook}/deliveries";
        if ((await Ok(Call.Get(deliveries))).GetProperty("items").GetArrayLength() == 0)
        {
            await Ok(Call.Post($"/operations/webhooks/{webhook}/test"));
        }

        return $"{deliveries}/{(await Ok(Call.Get(deliveries))).GetProperty("items")[0].GetProperty("id").GetGuid()}/retry";
    }

    /// <summary>An organisation has so many at most: those made before go.</summary>
    private async Task MakeRoom(string path, Guid? but)
    {
        foreach (var before in (await Ok(Call.Get(path))).GetProperty("items").EnumerateArray().Where(x => x.TryGetProperty("id", out var id) && id.ValueKind == JsonValueKind.String)
            .Select(x => x.GetProperty("id").GetGuid()).Where(x => x != but).SkipLast(8))
        {
            await Ok(Call.Delete($"{path}/{before}"));
        }
    }

    private object PlanBody()
    {
        var plan = Plan(Marker);
        return new { plan.Digest, effect = new { deletes = Name("everything") }, plan.Policy, plan.Records, plan.Money, plan.Deletions };
    }

    private Task<Guid> NewOperation(object body) => NewOperation("/operations", body);

    private async Task<Guid> NewOperation(string path, object body)
    {
        var id = (await Ok(Call.Post(path, body))).GetProperty("operationId").GetGuid();
        Leaks.Learn(id);
        return id;
    }
}
