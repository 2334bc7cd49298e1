using System.Text.Json;

namespace OpsPlatform.Attack.Tests.Fixtures;

/// <summary>What a request about operations needs to be there.</summary>
public sealed partial class World
{
    public object PolicyBody()
    {
        object Group(string name) => new { name, votes = 1, roles = new[] { "owner" }, users = new[] { Owner.UserId.ToString() }, hasVeto = false };
        return new
        {
            groups = new[] { Group("owners") },
            inOrder = false,
            allowsOwnVote = true,
            deadlineMinutes = 180,
            reminderMinutes = 60,
            escalationMinutes = 120,
            escalateTo = Group("the last"),
            levels = new[] { new { groups = new[] { Group("many") }, records = 1_000, money = 1_000, deletions = 1_000 } },
        };
    }

    public object PostedBody(bool hasPlan = false, Guid? parent = null) => new
    {
        operationType = "attack.posted",
        displayName = Name("operation"),
        entityType = "attack",
        entityId = Marker,
        steps = Steps(4),
        context = new { colour = Name("colour") },
        tags = new[] { Marker },
        operationId = Guid.NewGuid(),
        startWithinSeconds = 86_400,
        endWithinSeconds = 86_400,
        silentForSeconds = 86_400,
        maxAttempts = 1,
        plan = hasPlan ? PlanBody() : null,
        parentId = parent,
        weight = 1,
        rollsUp = false,
    };

    /// <summary>One that takes children, and does not change with them.</summary>
    public Task<Guid> Parent() => Kept("parent", NewPosted);

    public Task<Guid> NewBatch() => NewOperation(new { operationType = "attack.batch", displayName = Name("batch"), rollsUp = true });

    public object ReportBody() => new { fence = 1, step = 1, done = 1, total = 2, failed = 0, skipped = 0, bytes = 1, message = Name("message"), effects = EffectsBody(), metadata = new { note = Name("note") } };

    public object EndBody() => new
    {
        fence = 1,
        outcome = "completed",
        result = new { text = Name("result") },
        last = new { fence = 1, step = 1, done = 2, total = 2, failed = 0, skipped = 0, bytes = 1, message = Name("message"), effects = EffectsBody() },
    };

    public object EffectsBody() => new[] { new { what = Name("effect"), count = 1, href = "/operations", isTakenBack = false } };

    public static object FilterBody() => new { operationType = "attack.posted" };

    public object AlertRuleBody() => new { name = Name("rule"), kind = "failure_rate", operationType = "attack.run", seconds = 60, percent = 50, last = 20 };

    /// <summary>Nobody listens there.</summary>
    public object WebhookBody() => new { url = $"http://127.0.0.1:1/{Marker}", events = new[] { "operation.failed" }, operationTypes = new[] { "attack.run" }, isEnabled = true };

    public Task<Guid> NewPosted() => NewOperation(PostedBody());

    public async Task<long> FeedPosition() => (await Ok(Call.Get("/operations/feed"))).GetProperty("position").GetInt64();

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

    /// <summary>An organisation has so many at most: those made long before go, which nobody uses any more.</summary>
    private async Task MakeRoom(string path, Guid? but)
    {
        foreach (var before in (await Ok(Call.Get(path))).GetProperty("items").EnumerateArray().Where(x => x.GetProperty("id").ValueKind == JsonValueKind.String)
            .Select(x => x.GetProperty("id").GetGuid()).Where(x => x != but).SkipLast(30))
        {
            // Another may be making room as well.
            await _system.Send(Call.Delete($"{path}/{before}"), Owner.Token);
        }
    }

    private object[] Steps(int levels) => [new { name = Name("step"), weight = 1, cancel = "cancellable", steps = levels == 1 ? null : Steps(levels - 1) }];

    private object PlanBody() => new { digest = Marker, effect = new { deletes = Name("everything") }, policy = PolicyBody(), records = 1, money = 1.5, deletions = 1 };

    private Task<Guid> NewOperation(object body) => NewOperation("/operations", body);

    private async Task<Guid> NewOperation(string path, object body)
    {
        var id = (await Ok(Call.Post(path, body))).GetProperty("operationId").GetGuid();
        Leaks.Learn(id);
        return id;
    }
}
