using System.Net;
using System.Text.Json;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.OperationTracking.Tests;

public sealed class StatisticsTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task Each_type_is_counted_by_outcome_duration_and_what_the_time_went_by()
    {
        for (var seconds = 1; seconds <= 10; seconds++)
        {
            await Done(seconds);
        }

        await _desk.Say(
            _desk.End(_desk.Operation(), "failed", change: x => x with { EndedAt = _desk.At(2) }), _desk.End(_desk.Operation(), "cancelled"), _desk.End(_desk.Operation(), "failed"),
            _desk.End(_desk.Operation(change: x => x with { OperationType = "other.thing" }), "completed"));
        await _desk.EverythingIsHeard();

        var all = (await Statistics()).EnumerateArray().ToArray();
        all.Select(x => x.Text("operationType")).ShouldBe(["orders.export", "other.thing"]);
        var export = all[0];
        var outcomes = export.GetProperty("outcomes");
        // One more is that by which it is known that all were heard.
        (outcomes.Number("completed"), outcomes.Number("failed"), outcomes.Number("cancelled"), export.Number("ended")).ShouldBe((11, 2, 1, 14));
        export.Number("successRate").ShouldBe(11 / 13.0, 0.0001);
        var durations = export.GetProperty("durations");
        durations.Number("operations").ShouldBeInRange(10, 11);
        durations.Number("p50").ShouldBeInRange(4.5, 6.7);
        export.GetProperty("time").Number("queue").ShouldBeGreaterThanOrEqualTo(20);
        export.GetProperty("time").Number("work").ShouldBeGreaterThanOrEqualTo(55);
        export.GetProperty("days").EnumerateArray().Sum(x => x.Number("completed")).ShouldBe(11);
        (await Statistics("?operationType=other.thing")).GetArrayLength().ShouldBe(1);
        (await Statistics("?to=2020-01-01")).GetArrayLength().ShouldBe(0);
        await _desk.Get("/operations/statistics?from=2020-01-01", HttpStatusCode.BadRequest, _desk.Client("admin"));
    }

    [Fact]
    public async Task What_others_of_its_type_and_size_took_foretells_the_end_at_once()
    {
        for (var i = 0; i < 6; i++)
        {
            await Done(600, 1_000_000);
        }

        await Eventually.Is(async () => await _desk.Sql<long>("SELECT count(*) FROM operations WHERE status = 'completed'") == 6);
        var like = await Begun(1_100_000);
        var other = await Begun(10);

        var shown = await _desk.Shows(like.OperationId, x => x.Text("status") == "in_progress");
        shown.Number("timeRemaining").ShouldBeInRange(560, 640);
        shown.Number("timeRemainingP90").ShouldBeGreaterThanOrEqualTo(shown.Number("timeRemaining"));
        (await _desk.Shows(other.OperationId, x => x.Text("status") == "in_progress")).IsNull("timeRemaining").ShouldBeTrue();
        var listed = (await _desk.Get("/operations?mine=true")).GetProperty("items").EnumerateArray();
        listed.Single(x => x.Text("operationId") == like.OperationId.ToString()).Number("timeRemaining").ShouldBeInRange(560, 640);
    }

    [Fact]
    public async Task How_often_a_forecast_was_right_is_counted()
    {
        // A tenth in ten seconds: ninety more are foretold, and 171 for nine of ten.
        foreach (var endsAfter in new[] { 60, 150, 400 })
        {
            var operation = await _desk.Running(percent: 5);
            await _desk.Say(_desk.Report(operation.OperationId, 1, 2, 10, x => x with { StartedAt = DateTimeOffset.UtcNow.AddSeconds(-10) }));
            await _desk.RowShows(operation.OperationId, "forecast_p90_at IS NOT NULL");
            await _desk.Say(_desk.End(operation, change: x => x with { EndedAt = DateTimeOffset.UtcNow.AddSeconds(endsAfter) }));
            await _desk.Shows(operation.OperationId, x => x.Text("status") == "completed");
        }

        var forecasts = (await Statistics())[0].GetProperty("forecasts");
        (forecasts.Number("made"), forecasts.Number("withinP50"), forecasts.Number("withinP90")).ShouldBe((3, 0.3333, 0.6667));
    }

    [Fact]
    public async Task What_is_tried_again_is_counted_once()
    {
        var operation = await _desk.Ended("failed");
        await _desk.Execute($"UPDATE operations SET status = 'queued', cause_since = now() WHERE id = '{operation.OperationId}'");
        (await Statistics())[0].Number("ended").ShouldBe(0);
        await _desk.Execute($"UPDATE operations SET status = 'in_progress' WHERE id = '{operation.OperationId}'");
        await _desk.Execute($"UPDATE operations SET status = 'completed' WHERE id = '{operation.OperationId}'");
        var outcomes = (await Statistics())[0].GetProperty("outcomes");
        (outcomes.Number("completed"), outcomes.Number("failed")).ShouldBe((1, 0));
    }

    [Fact]
    public async Task Only_an_admin_of_the_organisation_sees_them()
    {
        await _desk.Ended();
        await _desk.Get("/operations/statistics", HttpStatusCode.Forbidden, _desk.Client("staff"));
        (await service.Desk().Get("/operations/statistics", client: service.Desk().Client("admin"))).GetProperty("items").GetArrayLength().ShouldBe(0);
        await _desk.Get("/operations/statistics?from=yesterday", HttpStatusCode.BadRequest, _desk.Client("admin"));
    }

    private async Task<JsonElement> Statistics(string query = "") => (await _desk.Get($"/operations/statistics{query}", client: _desk.Client("admin"))).GetProperty("items");

    private async Task Done(double seconds, long total = 100)
    {
        var operation = _desk.Operation();
        var last = _desk.Report(operation.OperationId, 1, 1, 50, x => x with { StartedAt = _desk.At(2), Total = total });
        await _desk.Say(_desk.End(operation, last: last, change: x => x with { EndedAt = _desk.At(2 + seconds) }));
    }

    private async Task<OperationStarted> Begun(long total)
    {
        var operation = await _desk.Started();
        await _desk.Say(_desk.Report(operation.OperationId, 1, 1, 0, x => x with { StartedAt = DateTimeOffset.UtcNow, Total = total }));
        return operation;
    }
}
