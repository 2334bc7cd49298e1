using System.Net;
using Microsoft.Extensions.DependencyInjection;
using OpsPlatform.OperationTracking.Alerts;

namespace OpsPlatform.OperationTracking.Tests.Alerts;

/// <summary>Each kind of alert is opened once, told, and resolved by itself.</summary>
public sealed class AlertTests : IClassFixture<WebhookFixture>
{
    private readonly WebhookFixture _service;
    private readonly Desk _desk;
    private readonly Admin _admin;

    public AlertTests(WebhookFixture service)
    {
        (_service, _desk) = (service, service.Desk());
        _admin = new(_desk);
    }

    private static DateTimeOffset Now => DateTimeOffset.UtcNow;

    [Fact]
    public async Task An_operation_that_gets_no_further_is_alerted_of_once_and_no_more_when_it_does()
    {
        await using var receiver = await Receiver.Start();
        await _admin.Add(receiver, ["alert.opened", "alert.resolved"]);
        var operation = await _desk.Running();
        var id = operation.OperationId;
        await Look();
        (await _admin.Alerts()).ShouldBeEmpty();

        await _desk.Say(_desk.Report(id, 1, 2, 20, x => x with { AdvancedAt = Now.AddSeconds(-70) }));
        await _desk.RowShows(id, "sequence = 2");
        (await _desk.Get(id)).GetProperty("isStuck").GetBoolean().ShouldBeTrue();
        await Look();
        await Look();
        var alert = (await _admin.Alerts()).ShouldHaveSingleItem();
        (alert.Text("kind"), alert.GetProperty("operationId").GetGuid(), alert.IsNull("resolvedAt")).ShouldBe(("stuck", id, true));
        alert.Text("message").ShouldStartWith("Export of orders: its worker lives and has not got further since ");

        await _desk.Say(_desk.Report(id, 1, 3, 30));
        await _desk.RowShows(id, "sequence = 3");
        await Look();
        await Look();
        (await _admin.Alerts("?state=open")).ShouldBeEmpty();
        (await _admin.Alerts("?state=resolved")).ShouldHaveSingleItem().Text("id").ShouldBe(alert.Text("id"));
        await receiver.Has(2);
        receiver.Got.Select(x => x.Json.Text("type")).ShouldBe(["alert.opened", "alert.resolved"]);
        receiver.Got.ShouldAllBe(x => x.Json.GetProperty("data").Text("alertId") == alert.Text("id"));
    }

    [Fact]
    public async Task An_operation_whose_worker_is_not_heard_is_alerted_of_by_the_service_itself()
    {
        var operation = await _desk.Running();
        var id = operation.OperationId;
        await _desk.Say(_desk.Report(id, 1, 2, 20, x => x with { At = Now.AddSeconds(-70), AdvancedAt = Now.AddSeconds(-80) }));
        await Testing.Eventually.Is(async () => (await _admin.Alerts("?state=open")).Select(x => x.Text("kind")).SequenceEqual(["silent"]));
        await _desk.Say(_desk.Report(id, 1, 3, 30));
        await _desk.RowShows(id, "sequence = 3");
        await Look();
        (await _admin.Alerts()).ShouldHaveSingleItem().IsNull("resolvedAt").ShouldBeFalse();
    }

    [Fact]
    public async Task What_waits_longer_than_a_rule_says_is_alerted_of_until_it_goes_on()
    {
        await _admin.Ask(HttpMethod.Post, "alerts/rules", new { name = "Exports wait", kind = "waiting", operationType = "orders.export", seconds = 10 }, HttpStatusCode.Created);
        var operation = await _desk.Started();
        await _desk.Started(x => x with { OperationType = "stock.count" });
        await _desk.Started(x => x with { QueuedAt = Now });
        await Look();
        var alert = (await _admin.Alerts()).ShouldHaveSingleItem();
        (alert.Text("kind"), alert.Text("rule"), alert.GetProperty("operationId").GetGuid()).ShouldBe(("waiting", "Exports wait", operation.OperationId));
        await _desk.Say(_desk.Report(operation.OperationId, 1, 1, 10));
        await _desk.RowShows(operation.OperationId, "status = 'in_progress'");
        await Look();
        (await _admin.Alerts("?state=open")).ShouldBeEmpty();
    }

    [Fact]
    public async Task Too_many_failures_of_a_type_are_alerted_of_until_enough_completed()
    {
        await Ended("completed", 10);
        await Ended("cancelled", 5);
        await Ended("failed", 9);
        await Ended("timed_out", 1);
        await Look();
        (await _admin.Alerts()).ShouldBeEmpty();
        await Ended("failed", 1);
        await Look();
        await Look();
        var alert = (await _admin.Alerts()).ShouldHaveSingleItem();
        (alert.Text("kind"), alert.Text("operationType"), alert.IsNull("operationId")).ShouldBe(("failure_rate", "orders.export", true));
        alert.Text("message").ShouldBe("orders.export: 11 of the last 20 operations failed or timed out");
        await Ended("completed", 11);
        await Look();
        (await _admin.Alerts("?state=open")).ShouldBeEmpty();
        (await _admin.Alerts()).Length.ShouldBe(1);
    }

    [Fact]
    public async Task Two_replicas_that_look_at_the_same_time_open_and_tell_it_once()
    {
        await using var receiver = await Receiver.Start();
        await using var replica = await _service.StartReplica();
        var there = replica.Services.GetRequiredService<LookForAlerts>();
        await _admin.Add(receiver, ["alert.opened", "alert.resolved"]);
        List<Guid> ids = [];
        for (var i = 0; i < 5; i++)
        {
            var operation = await _desk.Running();
            await _desk.Say(_desk.Report(operation.OperationId, 1, 2, 20, x => x with { AdvancedAt = Now.AddSeconds(-70) }));
            ids.Add(operation.OperationId);
        }

        foreach (var id in ids)
        {
            await _desk.RowShows(id, "sequence = 2");
        }

        await Task.WhenAll(Enumerable.Range(0, 10).Select(i => i % 2 == 0 ? Look() : there.Run(CancellationToken.None)));
        (await _admin.Alerts("?state=open")).Select(x => x.GetProperty("operationId").GetGuid()).Order().ShouldBe(ids.Order());
        foreach (var id in ids)
        {
            await _desk.Say(_desk.Report(id, 1, 3, 30));
            await _desk.RowShows(id, "sequence = 3");
        }

        await Task.WhenAll(Enumerable.Range(0, 10).Select(i => i % 2 == 0 ? Look() : there.Run(CancellationToken.None)));
        (await _admin.Alerts()).Count(x => !x.IsNull("resolvedAt")).ShouldBe(5);
        await receiver.Has(10);
    }

    [Fact]
    public async Task The_defaults_are_in_force_until_there_is_a_rule_of_their_kind()
    {
        (await Rules()).Select(x => (x.Kind, x.IsDefault)).ShouldBe([("stuck", true), ("silent", true), ("failure_rate", true)]);
        var rule = await _admin.Ask(HttpMethod.Post, "alerts/rules", new { name = "Mine", kind = "failure_rate", percent = 10, last = 5 }, HttpStatusCode.Created);
        var id = rule.GetProperty("id").GetGuid();
        (await Rules()).Select(x => (x.Kind, x.IsDefault)).ShouldBe([("failure_rate", false), ("stuck", true), ("silent", true)]);
        await Ended("completed", 4);
        await Ended("failed", 1);
        await Look();
        (await _admin.Alerts()).ShouldHaveSingleItem().Text("rule").ShouldBe("Mine");

        await _admin.Ask(HttpMethod.Put, $"alerts/rules/{id}", new { name = "Mine", kind = "failure_rate", percent = 20, last = 5 });
        await Look();
        (await _admin.Alerts("?state=open")).ShouldBeEmpty();
        await _admin.Ask(HttpMethod.Delete, $"alerts/rules/{id}", null, HttpStatusCode.NoContent);
        (await Rules()).ShouldAllBe(x => x.IsDefault);
    }

    [Fact]
    public async Task A_rule_that_makes_no_sense_is_refused_and_another_organisations_is_not_found()
    {
        foreach (var body in (object[])[new { name = "x", kind = "imagined" }, new { name = "", kind = "stuck" }, new { name = "x", kind = "stuck", seconds = 0 },
            new { name = "x", kind = "stuck", percent = 10 }, new { name = "x", kind = "failure_rate", percent = 101 }, new { name = "x", kind = "failure_rate", last = 0 }, new { kind = "stuck" }])
        {
            await _admin.Ask(HttpMethod.Post, "alerts/rules", body, HttpStatusCode.BadRequest);
        }

        var stuck = new { name = "x", kind = "stuck" };
        var id = (await new Admin(_service.Desk()).Ask(HttpMethod.Post, "alerts/rules", stuck, HttpStatusCode.Created)).Text("id");
        await _admin.Ask(HttpMethod.Put, $"alerts/rules/{id}", stuck, HttpStatusCode.NotFound);
        await _admin.Ask(HttpMethod.Delete, $"alerts/rules/{id}", null, HttpStatusCode.NotFound);
        await _admin.Get("alerts?state=imagined", HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task Alerts_resolved_and_deliveries_done_with_long_ago_are_forgotten()
    {
        await using var receiver = await Receiver.Start();
        var (id, _) = await _admin.Add(receiver);
        foreach (var (days, state) in ((int, string)[])[(31, "delivered"), (31, "pending"), (29, "failed")])
        {
            await _desk.Execute($"""
                INSERT INTO webhook_deliveries (webhook_id, event, body, state, created_at, next_attempt_at)
                VALUES ('{id}', '{state}', '', '{state}', now() - interval '{days} days', now() + interval '1 hour')
                """);
        }

        foreach (var (days, name) in ((int, string)[])[(91, "old"), (89, "young")])
        {
            await _desk.Execute($"""
                INSERT INTO alerts (org_id, rule_id, rule_name, kind, subject, operation_type, message, opened_at, resolved_at)
                VALUES ('{_desk.Org}', gen_random_uuid(), '{name}', 'stuck', '', '', '', now() - interval '300 days', now() - interval '{days} days')
                """, "owner");
        }

        await _service.Services.GetRequiredService<ForgetAlerts>().Run(CancellationToken.None);
        (await _admin.Alerts()).ShouldHaveSingleItem().Text("rule").ShouldBe("young");
        (await _admin.Get($"webhooks/{id}/deliveries")).GetProperty("items").EnumerateArray().Select(x => x.Text("event")).ShouldBe(["failed", "pending"]);
    }

    [Fact]
    public async Task Lists_go_on_from_page_to_page()
    {
        await _desk.Execute($"""
            INSERT INTO alerts (org_id, rule_id, rule_name, kind, subject, operation_type, message, opened_at, resolved_at)
            SELECT '{_desk.Org}', gen_random_uuid(), i::text, 'stuck', '', '', '', now() - ((i + 1) / 2) * interval '1 minute', now() FROM generate_series(0, 4) AS i
            """, "owner");
        List<string> seen = [];
        string? cursor = null;
        do
        {
            var page = await _admin.Get($"alerts?state=resolved&limit=2{(cursor is null ? "" : "&cursor=" + cursor)}");
            seen.AddRange(page.GetProperty("items").EnumerateArray().Select(x => x.Text("rule")));
            cursor = page.GetProperty("nextCursor").GetString();
        }
        while (cursor is not null);

        seen.Order().ShouldBe(["0", "1", "2", "3", "4"]);
        seen[0].ShouldBe("0");
    }

    private Task<long> Look() => _service.Services.GetRequiredService<LookForAlerts>().Run(CancellationToken.None);

    private async Task<(string Kind, bool IsDefault)[]> Rules() =>
        [.. (await _admin.Get("alerts/rules")).GetProperty("items").EnumerateArray().Select(x => (x.Text("kind"), x.GetProperty("isDefault").GetBoolean()))];

    private async Task Ended(string outcome, int count)
    {
        var before = await Count(outcome);
        await _desk.Say([.. Enumerable.Range(0, count).Select(_ => _desk.End(_desk.Operation(), outcome, _desk.Report(Guid.NewGuid(), 1, 1, 50)))]);
        await Testing.Eventually.Is(async () => await Count(outcome) == before + count);
    }

    private Task<long> Count(string outcome) => _desk.Sql<long>($"SELECT count(*) FROM operations WHERE status = '{outcome}'");
}
