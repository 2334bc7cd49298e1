using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.Sync.Health;
using OpsPlatform.Testing;

namespace OpsPlatform.Sync.Tests;

public sealed class HealthTests(HealthFixture fixture)
{
    private readonly Guid _org = Guid.NewGuid();

    [Fact]
    public async Task Rates_latencies_and_entries_are_told_per_service()
    {
        for (var i = 0; i < 3; i++)
        {
            await fixture.Agree(_org, $"{i}", 1);
        }

        var health = await fixture.Health(_org, h => h.GetProperty("changesPerSecond").GetDouble() == 0.01);
        health.GetProperty("latency").GetProperty("p50Ms").GetDouble().ShouldBeInRange(0, 60_000);
        health.GetProperty("errorRate").GetDouble().ShouldBe(0);
        var stats = await fixture.Get(_org, "/sync/stats");
        var service = stats.GetProperty("services")[0];
        (service.GetProperty("service").GetString(), service.GetProperty("entries").GetInt64()).ShouldBe(("inventory", 3));
        service.GetProperty("changesPerSecond").GetDouble().ShouldBe(0.01);
        stats.GetProperty("latency").GetProperty("p99Ms").GetDouble().ShouldBeInRange(0, 60_000);
        (await fixture.Get(Guid.NewGuid(), "/sync/health")).GetProperty("changesPerSecond").GetDouble().ShouldBe(0);
    }

    [Fact]
    public async Task Changes_that_wait_long_or_were_set_aside_raise_the_level_and_better_samples_lower_it()
    {
        await fixture.Agree(_org, "a", 1);
        await fixture.Agreement(_org, 1);
        fixture.Source.Set(_org, "a", 1, pending: true, waitsMs: 40_000);
        var late = await fixture.Health(_org, h => h.GetProperty("level").GetString() == "warning");
        late.GetProperty("reasons")[0].GetString()!.ShouldContain("has waited 40 s");
        fixture.Source.Set(_org, "a", 1, failed: 3);
        var failing = await fixture.Health(_org, h => h.GetProperty("level").GetString() == "critical");
        failing.GetProperty("setAside").GetInt64().ShouldBe(3);
        fixture.Source.Set(_org, "a", 1);
        await fixture.Agreement(_org, 1);
        (await fixture.Get(_org, "/sync/alerts")).GetProperty("items").EnumerateArray()
            .Select(alert => $"{alert.GetProperty("from").GetString()} {alert.GetProperty("to").GetString()}").ShouldBe(["critical normal", "warning critical", "normal warning"]);
    }

    [Fact]
    public async Task Metrics_are_listed_by_type_name_and_time_page_by_page()
    {
        await fixture.Agree(_org, "a", 1);
        await fixture.Agreement(_org, 1);
        var all = await Eventually.Is(() => fixture.Get(_org, "/sync/metrics?limit=200"), page => page.GetProperty("items").GetArrayLength() > 5);
        all.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("metricType").GetString()).ShouldBeSubsetOf(
            ["sync_health", "data_consistency", "throughput", "latency", "errors"]);
        var first = await fixture.Get(_org, "/sync/metrics?metricType=sync_health&limit=1");
        first.GetProperty("items")[0].GetProperty("metricName").GetString().ShouldBe("level");
        var recordedAt = first.GetProperty("items")[0].GetProperty("recordedAt").GetDateTimeOffset();
        (await fixture.Get(_org, $"/sync/metrics?from={Uri.EscapeDataString(recordedAt.AddSeconds(3600).ToString("O"))}")).GetProperty("items").GetArrayLength().ShouldBe(0);
        (await fixture.Get(_org, $"/sync/metrics?to={Uri.EscapeDataString(recordedAt.AddHours(-1).ToString("O"))}")).GetProperty("items").GetArrayLength().ShouldBe(0);

        HashSet<Guid> seen = [];
        string? cursor = null;
        do
        {
            var page = await fixture.Get(_org, $"/sync/metrics?to={Uri.EscapeDataString(recordedAt.ToString("O"))}&limit=2{(cursor is null ? "" : $"&cursor={cursor}")}");
            page.GetProperty("items").EnumerateArray().ShouldAllBe(item => seen.Add(item.GetProperty("id").GetGuid()));
            cursor = page.GetProperty("nextCursor").GetString();
        }
        while (cursor is not null);
    }

    [Fact]
    public async Task An_operator_sees_the_platforms_metrics_and_no_organisations()
    {
        using var client = fixture.Operator();
        var page = await Eventually.Is(() => client.GetFromJsonAsync<JsonElement>("/sync/metrics?name=check_ms"), items => items.GetProperty("items").GetArrayLength() > 0);
        page.GetProperty("items")[0].GetProperty("metadata").TryGetProperty("tablesCompared", out _).ShouldBeTrue();
        (await client.GetFromJsonAsync<JsonElement>("/sync/metrics?name=level")).GetProperty("items").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task Events_are_listed_newest_first_filtered_and_page_by_page()
    {
        for (var i = 1; i <= 5; i++)
        {
            await fixture.Agree(_org, $"{i}", 1);
        }

        var all = await Eventually.Is(() => fixture.Get(_org, "/sync/events"), page => page.GetProperty("items").GetArrayLength() == 5);
        Ids(all).ShouldBe(["5", "4", "3", "2", "1"]);
        all.GetProperty("items")[0].GetProperty("status").GetString().ShouldBe("processed");
        all.GetProperty("nextCursor").ValueKind.ShouldBe(JsonValueKind.Null);
        var first = await fixture.Get(_org, "/sync/events?limit=2&service=inventory&entityType=ingredient&eventType=inventory_updated");
        Ids(first).ShouldBe(["5", "4"]);
        Ids(await fixture.Get(_org, $"/sync/events?limit=10&cursor={first.GetProperty("nextCursor").GetString()}")).ShouldBe(["3", "2", "1"]);
        Ids(await fixture.Get(_org, "/sync/events?service=orders")).ShouldBeEmpty();

        fixture.Source.Unsent = org => org == _org
            ? [new(Guid.NewGuid(), "inventory_updated", "stock", "normal", "ingredient", "late", 2, "update", "failed", 3, "too large", DateTimeOffset.UtcNow)]
            : [];
        var failed = await fixture.Get(_org, "/sync/events?status=failed");
        Ids(failed).ShouldBe(["late"]);
        failed.GetProperty("items")[0].GetProperty("error").GetString().ShouldBe("too large");
        Ids(await fixture.Get(_org, "/sync/events?status=failed&entityType=recipe")).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("metrics?metricType=weather")]
    [InlineData("metrics?limit=0")]
    [InlineData("metrics?cursor=x")]
    [InlineData("metrics?from=yesterday")]
    [InlineData("events?status=lost")]
    [InlineData("events?limit=201")]
    [InlineData("events?cursor=x")]
    [InlineData("alerts?limit=0")]
    [InlineData("mismatches?cursor=x")]
    public async Task A_list_that_cannot_be_meant_is_refused(string path)
    {
        using var client = fixture.Client(_org, "viewer");
        (await client.GetAsync($"/sync/{path}")).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task With_streams_switched_off_pages_still_work_and_the_settings_say_so()
    {
        await fixture.Agree(_org, "a", 1);
        using var client = fixture.Client(_org, "viewer");
        var stream = await client.GetAsync("/sync/feed?stream=1");
        stream.StatusCode.ShouldBe(HttpStatusCode.Conflict);
        (await stream.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("type").GetString().ShouldBe("https://opsplatform.dev/problems/realtime-off");
        (await client.GetFromJsonAsync<JsonElement>("/sync/feed?wait=10")).GetProperty("items").GetArrayLength().ShouldBe(1);
        var settings = await fixture.Get(_org, "/sync/settings");
        (settings.GetProperty("syncRealTime").GetBoolean(), settings.GetProperty("syncAuto").GetBoolean()).ShouldBe((false, true));
        (settings.GetProperty("syncHealthCheckIntervalSeconds").GetDouble(), settings.GetProperty("syncBatchSize").GetInt32()).ShouldBe((1, 500));
        settings.GetProperty("thresholds").GetArrayLength().ShouldBe(4);
        (await fixture.Get(_org, "/sync/health")).GetProperty("realTime").GetBoolean().ShouldBeFalse();
    }

    private static string OperatorKey => HealthFixture.OperatorKey;

    private static IEnumerable<string> Ids(JsonElement page) => page.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("entityId").GetString()!);
}

public sealed class HealthRulesTests
{
    [Theory]
    [InlineData("SYNC_HEALTH_CHECK_INTERVAL", "0")]
    [InlineData("SYNC_HEALTH_CHECK_INTERVAL", "soon")]
    [InlineData("SYNC_AUTO", "maybe")]
    [InlineData("SYNC_REALTIME", "2")]
    [InlineData("SYNC_INTERVAL_MS", "-1")]
    public void A_setting_out_of_range_stops_the_start_and_is_named(string name, string value) =>
        Should.Throw<InvalidOperationException>(() => Read(new ConfigurationBuilder().AddInMemoryCollection([new(name, value)]).Build())).Message.ShouldContain(name);

    private static (RelaySettings, HealthOptions, SyncOptions) Read(IConfiguration configuration) =>
        (RelaySettings.Read(configuration), HealthOptions.Read(configuration), SyncOptions.Read(configuration));

    [Fact]
    public void A_level_rises_at_once_and_falls_to_the_worst_of_three_better_samples()
    {
        var state = LevelState.Normal.After(HealthLevel.Critical, 3);
        state.Level.ShouldBe(HealthLevel.Critical);
        state = state.After(HealthLevel.Normal, 3).After(HealthLevel.Warning, 3);
        state.Level.ShouldBe(HealthLevel.Critical);
        state.After(HealthLevel.Critical, 3).BetterSamples.ShouldBe(0);
        state = state.After(HealthLevel.Normal, 3);
        state.ShouldBe(new(HealthLevel.Warning, 0, HealthLevel.Normal));
        state.After(HealthLevel.Normal, 3).After(HealthLevel.Normal, 3).Level.ShouldBe(HealthLevel.Warning);
        state.After(HealthLevel.Normal, 3).After(HealthLevel.Normal, 3).After(HealthLevel.Normal, 3).Level.ShouldBe(HealthLevel.Normal);
    }

    [Fact]
    public void Percentiles_lie_within_the_range_that_holds_them()
    {
        var counts = new long[LatencyHistogram.Ranges];
        foreach (var ms in Enumerable.Range(1, 1000))
        {
            counts[LatencyHistogram.RangeOf(ms)]++;
        }

        LatencyHistogram.Percentile(counts, 0.5)!.Value.ShouldBe(500, 5);
        LatencyHistogram.Percentile(counts, 0.95)!.Value.ShouldBe(950, 10);
        LatencyHistogram.Percentile(counts, 0.99)!.Value.ShouldBe(990, 10);
        LatencyHistogram.Percentile(new long[LatencyHistogram.Ranges], 0.5).ShouldBeNull();
        LatencyHistogram.RangeOf(-5).ShouldBe(0);
        LatencyHistogram.RangeOf(1e12).ShouldBe(LatencyHistogram.Ranges - 1);
    }

    [Theory]
    [InlineData(1_999, 20, "normal")]
    [InlineData(3_000, 20, "warning")]
    [InlineData(20_000, 20, "critical")]
    [InlineData(20_000, 19, "normal")]
    public void Latency_is_judged_by_its_95th_percentile_once_enough_changes_tell_it(int latencyMs, int changes, string level)
    {
        var counts = new long[LatencyHistogram.Ranges];
        counts[LatencyHistogram.RangeOf(latencyMs)] = changes;
        var readings = JudgeOrganisation.Judge(new([], [], [new(null, "orders", changes, counts)], 0, 0));
        ChangeLevel.Name(JudgeOrganisation.Worst(readings)).ShouldBe(level);
        readings.Count(reading => reading.Reason is not null).ShouldBe(level == "normal" ? 0 : 1);
    }

    [Fact]
    public void A_position_without_an_entry_is_critical() =>
        JudgeOrganisation.Worst(JudgeOrganisation.Judge(new([], [], [], 0, 1))).ShouldBe(HealthLevel.Critical);
}
