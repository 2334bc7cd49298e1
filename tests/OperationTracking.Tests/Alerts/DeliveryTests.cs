using OpsPlatform.Contracts;

namespace OpsPlatform.OperationTracking.Tests.Alerts;

/// <summary>What receivers are told, over real servers.</summary>
public sealed class DeliveryTests : IClassFixture<WebhookFixture>
{
    private readonly WebhookFixture _service;
    private readonly Desk _desk;
    private readonly Admin _admin;

    public DeliveryTests(WebhookFixture service)
    {
        (_service, _desk) = (service, service.Desk());
        _admin = new(_desk);
    }

    [Fact]
    public async Task An_end_is_told_signed_and_once()
    {
        await using var receiver = await Receiver.Start();
        var (id, secret) = await _admin.Add(receiver);
        var operation = await _desk.Ended("failed");
        var got = await receiver.Gets();
        got.IsSignedWith(secret).ShouldBeTrue();
        got.IsSignedWith("whsec_" + Convert.ToBase64String(new byte[32])).ShouldBeFalse();
        (got.Method, got.Path).ShouldBe(("POST", "/hooks?of=tests"));
        got.Headers["content-type"].ShouldStartWith("application/json");
        got.Headers.Keys.ShouldNotContain("traceparent");
        got.Headers.Keys.ShouldNotContain("authorization");
        got.Json.Text("type").ShouldBe("operation.failed");
        var shown = await _desk.Get(operation.OperationId);
        got.Json.GetProperty("timestamp").GetDateTimeOffset().ShouldBe(shown.GetProperty("completedAt").GetDateTimeOffset());
        var told = got.Json.GetProperty("data");
        foreach (var name in (string[])["operationId", "operationType", "entityType", "entityId", "displayName", "status", "errorMessage", "userId", "service", "tags", "counters", "attempt"])
        {
            string.Concat(told.GetProperty(name).ToString().Split(' ')).ShouldBe(string.Concat(shown.GetProperty(name).ToString().Split(' ')), name);
        }

        var delivery = await _admin.Delivery(id, x => x.Text("state") == "delivered");
        delivery.Text("id").ShouldBe(got.Id);
        delivery.Number("statusCode").ShouldBe(204);
        delivery.IsNull("nextAttemptAt").ShouldBeTrue();
        await _desk.Ended();
        await receiver.Gets(x => x.Json.Text("type") == "operation.completed");
        receiver.Got.Count.ShouldBe(2);
    }

    [Fact]
    public async Task Only_what_was_asked_for_is_told_and_only_to_the_organisation()
    {
        await using var receiver = await Receiver.Start();
        await _admin.Add(receiver, ["operation.cancelled"], ["stock.count"]);
        await _desk.Ended("cancelled");
        await _desk.Ended("completed", x => x with { OperationType = "stock.count" });
        await _service.Desk().Ended("cancelled", x => x with { OperationType = "stock.count" });
        var told = await _desk.Ended("cancelled", x => x with { OperationType = "stock.count" });
        (await receiver.Gets()).Json.GetProperty("data").GetProperty("operationId").GetGuid().ShouldBe(told.OperationId);
        receiver.Got.Count.ShouldBe(1);
    }

    [Fact]
    public async Task That_an_operation_waits_for_approval_is_told()
    {
        await using var receiver = await Receiver.Start();
        await _admin.Add(receiver, ["operation.waiting_for_approval"]);
        var operation = _desk.Operation(change: x => x with { Plan = new OperationPlan(new string('a', 64), "{}", new ApprovalPolicy([new("Admins", 1, ["admin"])])) });
        await _desk.Say(operation);
        var got = await receiver.Gets();
        got.Json.Text("type").ShouldBe("operation.waiting_for_approval");
        got.Json.GetProperty("data").GetProperty("operationId").GetGuid().ShouldBe(operation.OperationId);
    }

    [Fact]
    public async Task What_does_not_get_through_is_tried_eight_times_under_one_id_and_then_by_hand()
    {
        await using var receiver = await Receiver.Start();
        receiver.Says(500, new string('x', 3_000));
        var (id, secret) = await _admin.Add(receiver);
        await _desk.Ended();
        double[] delays = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000];
        for (var attempt = 1; attempt <= delays.Length; attempt++)
        {
            var tried = await _admin.Delivery(id, x => x.Number("attempts") == attempt);
            (tried.Text("state"), tried.Number("statusCode"), tried.Text("answer")).ShouldBe(("pending", 500, new string('x', 1_024)));
            var wait = tried.GetProperty("nextAttemptAt").GetDateTimeOffset() - tried.GetProperty("attemptedAt").GetDateTimeOffset();
            wait.TotalSeconds.ShouldBeInRange(delays[attempt - 1] - 1, (delays[attempt - 1] * 1.2) + 1);
            _service.Time.Forward(wait);
        }

        var failed = await _admin.Delivery(id, x => x.Text("state") == "failed");
        failed.Number("attempts").ShouldBe(8);
        failed.IsNull("nextAttemptAt").ShouldBeTrue();
        receiver.Says(200, "thanks");
        await _admin.Ask(HttpMethod.Post, $"webhooks/{id}/deliveries/{failed.Text("id")}/retry", null, System.Net.HttpStatusCode.Accepted);
        (await _admin.Delivery(id, x => x.Text("state") == "delivered")).Text("answer").ShouldBe("thanks");
        receiver.Got.Count.ShouldBe(9);
        receiver.Got.Select(x => x.Id).Distinct().Single().ShouldBe(failed.Text("id"));
        receiver.Got.Select(x => x.Headers["webhook-timestamp"]).Distinct().Count().ShouldBeGreaterThan(7);
        receiver.Got.ShouldAllBe(x => x.IsSignedWith(secret));
        (await _admin.Get($"webhooks/{id}")).IsNull("failingSince").ShouldBeTrue();
    }

    [Fact]
    public async Task A_receiver_that_was_down_gets_it_once_it_is_back()
    {
        var receiver = await Receiver.Start();
        var port = new Uri(receiver.Url).Port;
        var (id, _) = await _admin.Add(receiver);
        await receiver.DisposeAsync();
        await _desk.Ended();
        var tried = await _admin.Delivery(id, x => x.Number("attempts") == 1);
        tried.IsNull("statusCode").ShouldBeTrue();
        tried.Text("error").ShouldContain("refused");
        await using var back = await Receiver.Start(port);
        _service.Time.Forward(TimeSpan.FromSeconds(7));
        await back.Gets(x => x.Id == tried.Text("id"));
        await _admin.Delivery(id, x => x.Text("state") == "delivered");
    }

    [Fact]
    public async Task A_receiver_that_is_gone_is_told_no_more_until_somebody_enables_it()
    {
        await using var receiver = await Receiver.Start();
        receiver.Says(410);
        var (id, _) = await _admin.Add(receiver);
        await _desk.Ended();
        await _admin.Delivery(id, x => x.Text("state") == "failed");
        var gone = await _admin.Get($"webhooks/{id}");
        (gone.GetProperty("isEnabled").GetBoolean(), gone.Text("disabledReason")).ShouldBe((false, "gone"));
        await _desk.Ended();
        receiver.Says(204);
        await _admin.Ask(HttpMethod.Put, $"webhooks/{id}", new { url = receiver.Url, events = Admin.Ends });
        var told = await _desk.Ended();
        await receiver.Gets(x => x.Json.GetProperty("data").GetProperty("operationId").GetGuid() == told.OperationId);
        receiver.Got.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_webhook_that_nothing_got_through_to_for_five_days_is_disabled()
    {
        await using var receiver = await Receiver.Start();
        receiver.Says(503);
        var (id, _) = await _admin.Add(receiver);
        await _desk.Ended();
        await _admin.Delivery(id, x => x.Number("attempts") == 1);
        (await _admin.Get($"webhooks/{id}")).GetProperty("isEnabled").GetBoolean().ShouldBeTrue();
        _service.Time.Forward(TimeSpan.FromDays(5.1));
        await _admin.Delivery(id, x => x.Text("state") == "failed");
        (await _admin.Get($"webhooks/{id}")).Text("disabledReason").ShouldBe("failing");
    }

    [Fact]
    public async Task A_slow_receiver_holds_up_nobody_else_and_gets_one_at_a_time()
    {
        await using var slow = await Receiver.Start();
        await using var quick = await Receiver.Start();
        var patience = new TaskCompletionSource();
        slow.Answer = _ => patience.Task;
        await _admin.Add(slow);
        await _admin.Add(quick);
        for (var i = 0; i < 5; i++)
        {
            await _desk.Ended();
        }

        await quick.Has(5);
        slow.Got.Count.ShouldBe(1);
        patience.SetResult();
        await slow.Has(5);
        slow.MostAtOnce.ShouldBe(1);
    }

    [Fact]
    public async Task After_a_rotation_both_secrets_sign_for_a_day()
    {
        await using var receiver = await Receiver.Start();
        var (id, old) = await _admin.Add(receiver);
        var rotated = (await _admin.Ask(HttpMethod.Post, $"webhooks/{id}/rotate")).Text("secret");
        await _admin.Test(id);
        var both = await receiver.Gets();
        both.Json.Text("type").ShouldBe("webhook.test");
        (both.Signatures.Length, both.IsSignedWith(old), both.IsSignedWith(rotated)).ShouldBe((2, true, true));
        _service.Time.Forward(TimeSpan.FromHours(24.1));
        await _admin.Test(id);
        var later = await receiver.Gets(x => x.Id != both.Id);
        (later.Signatures.Length, later.IsSignedWith(old), later.IsSignedWith(rotated)).ShouldBe((1, false, true));
    }

    [Fact]
    public async Task A_redirect_is_a_failure_and_not_followed()
    {
        await using var elsewhere = await Receiver.Start();
        await using var receiver = await Receiver.Start();
        receiver.Answer = http =>
        {
            (http.Response.StatusCode, http.Response.Headers.Location) = (307, elsewhere.Url);
            return Task.CompletedTask;
        };
        var (id, _) = await _admin.Add(receiver);
        await _admin.Test(id);
        var tried = await _admin.Delivery(id, x => x.Number("attempts") == 1);
        (tried.Number("statusCode"), tried.Text("state")).ShouldBe((307, "pending"));
        elsewhere.Got.ShouldBeEmpty();
    }

    [Fact]
    public async Task Who_asks_to_be_left_alone_for_longer_is()
    {
        await using var receiver = await Receiver.Start();
        receiver.Answer = http =>
        {
            (http.Response.StatusCode, http.Response.Headers.RetryAfter) = (429, "600");
            return Task.CompletedTask;
        };
        var (id, _) = await _admin.Add(receiver);
        await _admin.Test(id);
        var tried = await _admin.Delivery(id, x => x.Number("attempts") == 1);
        (tried.GetProperty("nextAttemptAt").GetDateTimeOffset() - tried.GetProperty("attemptedAt").GetDateTimeOffset()).TotalSeconds.ShouldBeInRange(599, 601);
    }
}
