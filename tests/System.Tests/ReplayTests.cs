using System.Text.Json;
using OpsPlatform.Replay;

namespace OpsPlatform.System.Tests;

[Collection(nameof(SystemCollection))]
public sealed class ReplayTests(RunningSystem system, ITestOutputHelper output)
{
    [Fact]
    public async Task The_demo_pack_reconciles_and_a_second_run_changes_nothing()
    {
        using var organisation = await system.Register("Twice");
        var first = await Replays.Run(system.Gateway, output, organisation);
        var head = (await organisation.Get("/sync/stats")).GetProperty("head").GetInt64();
        var second = await Replays.Run(system.Gateway, output, organisation);

        first.ExitCode.ShouldBe(0);
        second.ExitCode.ShouldBe(0);
        foreach (var figure in (string[])["tickets", "ordersConfirmed", "ordersRejected", "revenueMinor", "capturedChanges", "feedEntries"])
        {
            second.Figure(figure).ShouldBe(first.Figure(figure), figure);
        }

        first.Report.GetProperty("consumedGrams").GetRawText().ShouldBe(second.Report.GetProperty("consumedGrams").GetRawText());
        (await organisation.Get("/sync/stats")).GetProperty("head").GetInt64().ShouldBe(head);
    }

    [Fact]
    public async Task Analytics_equals_orders_and_stock_and_equals_itself_counted_from_zero()
    {
        using var organisation = await system.Register("Counted");
        var run = await Replays.Run(system.Gateway, output, organisation, "--stock", "tight");
        run.ExitCode.ShouldBe(0);
        var cancelled = (await Analytics.Orders(organisation)).First(order => order.GetProperty("status").GetString() == "confirmed").GetProperty("id").GetGuid();
        await organisation.Post($"/orders/{cancelled}/cancel", new { });
        await Analytics.EqualsOrdersAndStock(organisation);

        var rebuild = (await organisation.Post("/analytics/rebuild", new { })).GetProperty("id").GetGuid();
        var done = await Eventually.Is(
            () => organisation.Get($"/analytics/rebuilds/{rebuild}"), x => x.GetProperty("finishedAt").ValueKind != JsonValueKind.Null, TimeSpan.FromMinutes(1));
        var comparison = await organisation.Get($"/analytics/rebuilds/{rebuild}/comparison");
        done.GetProperty("state").GetString().ShouldBe("succeeded");
        comparison.GetProperty("isEqual").GetBoolean().ShouldBeTrue(comparison.GetRawText());
        await Analytics.EqualsOrdersAndStock(organisation);
    }

    [Fact]
    public async Task When_the_stock_runs_out_orders_are_rejected_and_every_gram_is_accounted_for()
    {
        using var organisation = await system.Register("Tight");
        var run = await Replays.Run(system.Gateway, output, organisation, "--stock", "tight");
        run.ExitCode.ShouldBe(0);
        run.Figure("ordersRejected").ShouldBeGreaterThan(0);
        run.Figure("ordersConfirmed").ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task The_real_bakery_reconciles()
    {
        var data = Environment.GetEnvironmentVariable("OPS_REAL_DATA") ?? Path.Combine(Repository.Root, "..", "shared", "data");
        Assert.SkipUnless(Directory.Exists(data), "The real data is not on this machine: set OPS_REAL_DATA to its folder.");
        using var organisation = await system.Register("Bread Basket");
        var run = await Replays.Run(system.Gateway, output, organisation, "--data", data);
        run.ExitCode.ShouldBe(0);
        run.Figure("tickets").ShouldBe(9465);
        run.Figure("ordersConfirmed").ShouldBe(9464);
        run.Figure("capturedChanges").ShouldBe(run.Figure("feedEntries"));
    }
}

internal sealed record ReplayRun(int ExitCode, JsonElement Report)
{
    public decimal Figure(string name) => Report.GetProperty(name).GetDecimal();
}

internal static class Replays
{
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(6);

    public static async Task<ReplayRun> Run(Uri gateway, ITestOutputHelper output, Organisation organisation, params string[] more)
    {
        var report = Path.GetTempFileName();
        try
        {
            await using var text = new StringWriter();
            using var timeout = new CancellationTokenSource(Timeout);
            var exitCode = await ReplayCommand.Run(
                ["--gateway", gateway.ToString(), "--email", organisation.Email, "--password", Organisation.Password, "--report", report, .. more], text, timeout.Token);
            output.WriteLine(text.ToString());
            var json = await File.ReadAllTextAsync(report, timeout.Token);
            return new(exitCode, json.Length == 0 ? default : JsonDocument.Parse(json).RootElement);
        }
        finally
        {
            File.Delete(report);
        }
    }

    /// <summary>A folder with the demo pack and its days sold over and over, for work that lasts while something is killed.</summary>
    public static string LongPack(int rounds)
    {
        var pack = Path.Combine(AppContext.BaseDirectory, "pack");
        var folder = Directory.CreateTempSubdirectory("ops-pack-").FullName;
        foreach (var file in Directory.GetFiles(pack))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        }

        var sales = File.ReadAllLines(Path.Combine(pack, "sales.csv"));
        var ticketsPerRound = 10_000;
        using var all = new StreamWriter(Path.Combine(folder, "sales.csv"));
        all.WriteLine(sales[0]);
        var line = 0;
        for (var round = 0; round < rounds; round++)
        {
            foreach (var sale in sales.Skip(1).Where(sale => sale.Length > 0))
            {
                var cells = sale.Split(',', 4);
                var soldAt = DateTime.Parse(cells[2]).AddDays(7 * round);
                all.WriteLine($"{++line},{int.Parse(cells[1]) + (round * ticketsPerRound)},{soldAt:yyyy-MM-dd HH:mm:ss},{cells[3]}");
            }
        }

        return folder;
    }
}
