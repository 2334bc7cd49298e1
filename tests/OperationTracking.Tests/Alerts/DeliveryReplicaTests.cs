namespace OpsPlatform.OperationTracking.Tests.Alerts;

/// <summary>Several processes send, and one of them dies.</summary>
public sealed class DeliveryReplicaTests : IClassFixture<WebhookFixture>
{
    private readonly WebhookFixture _service;
    private readonly Desk _desk;
    private readonly Admin _admin;

    public DeliveryReplicaTests(WebhookFixture service)
    {
        (_service, _desk) = (service, service.Desk());
        _admin = new(_desk);
    }

    [Fact]
    public async Task Two_replicas_send_each_delivery_once_and_to_a_receiver_one_at_a_time()
    {
        await using var receiver = await Receiver.Start();
        await using var replica = await _service.StartReplica();
        await _admin.Add(receiver);
        await _desk.Say([.. Enumerable.Range(0, 60).Select(_ => _desk.End(_desk.Operation(), "completed", _desk.Report(Guid.NewGuid(), 1, 1, 50)))]);
        await receiver.Has(60);
        await Testing.Eventually.Is(async () => await _desk.Sql<long>("SELECT count(*) FROM webhook_deliveries WHERE state = 'delivered'") == 60);
        receiver.Got.Select(x => x.Id).Distinct().Count().ShouldBe(60);
        receiver.MostAtOnce.ShouldBe(1);
        (await _desk.Sql<long>("SELECT sum(attempts)::bigint FROM webhook_deliveries")).ShouldBe(60);
    }

    [Fact]
    public async Task What_a_process_took_and_died_with_is_sent_by_another_and_the_dead_one_changes_nothing_any_more()
    {
        await using var receiver = await Receiver.Start();
        var (id, _) = await _admin.Add(receiver);
        await _desk.Execute("UPDATE webhooks SET leased_until = clock_timestamp() + interval '1 hour'");
        await _desk.Ended();
        var fence = await _desk.Sql<long>("SELECT fence FROM webhooks");
        var delivery = await _desk.Sql<Guid>("SELECT id FROM webhook_deliveries");
        await using (var other = await Receiver.Start())
        {
            // Through the same queue, so that the first had its turn.
            var (second, _) = await _admin.Add(other);
            await _admin.Test(second);
            await other.Gets();
        }

        receiver.Got.ShouldBeEmpty();
        await _desk.Execute("UPDATE webhooks SET leased_until = clock_timestamp()");
        await receiver.Gets(x => x.Id == delivery.ToString());
        await _admin.Delivery(id, x => x.Text("state") == "delivered");
        await _desk.Execute(
            $"SELECT settle_delivery('{_desk.Org}', '{id}', {fence}, '{delivery}', now(), false, true, NULL, '5 days', 410, NULL, NULL, 1)", "relay");
        (await _admin.Delivery(id, _ => true)).Text("state").ShouldBe("delivered");
        (await _admin.Get($"webhooks/{id}")).GetProperty("isEnabled").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public async Task A_receiver_that_never_answers_is_given_up_after_fifteen_seconds_and_an_answer_without_end_after_64_KiB()
    {
        await using var silent = await Receiver.Start();
        await using var endless = await Receiver.Start();
        var patience = new TaskCompletionSource();
        silent.Answer = _ => patience.Task;
        endless.Answer = async http =>
        {
            while (!http.RequestAborted.IsCancellationRequested)
            {
                await http.Response.Body.WriteAsync(new byte[1_000]);
            }
        };
        var (never, _) = await _admin.Add(silent);
        var (ever, _) = await _admin.Add(endless);
        await _admin.Test(never);
        await _admin.Test(ever);
        (await _admin.Delivery(ever, x => x.Number("attempts") == 1)).Text("answer").ShouldBe(new string('\uFFFD', 1_024));
        (await _admin.Delivery(ever, _ => true)).Text("state").ShouldBe("delivered");
        var tried = await _admin.Delivery(never, x => x.Number("attempts") == 1);
        (tried.Text("error"), tried.Text("state")).ShouldBe(("No answer came within 15 s.", "pending"));
        tried.Number("durationMs").ShouldBeInRange(14_900, 17_000);
        patience.SetResult();
    }
}
