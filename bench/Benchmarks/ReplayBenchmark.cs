using System.Diagnostics;
using System.Text.Json;
using OpsPlatform.Bench.Frame;

namespace OpsPlatform.Bench.Benchmarks;

internal sealed class ReplayBenchmark : IBenchmark
{
    private const double GoalSeconds = 30;
    private static readonly string Tool = Path.Combine(BenchSystem.RepositoryRoot, "replay", "bin", "Release", "net10.0", "Replay.dll");
    private static readonly string Data =
        Environment.GetEnvironmentVariable("OPS_REAL_DATA") ?? Path.Combine(BenchSystem.RepositoryRoot, "..", "shared", "data");

    public string Name => "replay";

    public string About => "five months of a real bakery's sales, loaded, played, and reconciled to the gram and the penny by ./run replay, into an organisation of its own each time";

    public async Task Run(Session session)
    {
        // To see that it works, the demo pack that comes with the tool will do; it is no measure.
        var data = session.IsQuick ? null : Data;
        if (data is not null && !Directory.Exists(data))
        {
            session.Skip("the real data is not on this machine: set OPS_REAL_DATA to its folder");
            return;
        }

        await using var system = await session.Boot();
        var shadow = await RawOrders.Tables(system, "bench_replay", session.Cancel);
        await session.Repeat(async () =>
        {
            JsonElement report = default;
            var whole = TimeSpan.Zero;
            await session.Watch(system, "the replay", async () =>
            {
                var started = Stopwatch.GetTimestamp();
                report = await Replay(system, data, session.Cancel);
                whole = Stopwatch.GetElapsedTime(started);
            }, () => new("order", report.GetProperty("orders").GetDouble()));
            var raw = await RawOrders.Read(system, shadow, $"WHERE org_id = '{report.GetProperty("organisationId").GetGuid()}' AND status = 'confirmed'", session.Cancel);
            var limit = await raw.All(session.Cancel);
            session.Record(Figure.Of("the whole replay", "s", whole.TotalSeconds, Goal.AtMost(GoalSeconds),
                new($"the same rows of its {raw.Count:#,0} confirmed orders, their lines and stock log by 8 raw connections, a commit an order", limit.TotalSeconds)));
            session.Record(Figure.Of("placed and decided", "orders/s", report.GetProperty("ordersPerSecond").GetDouble()));
            session.Record(Figure.Of("figures that differ", "figures", report.GetProperty("mismatches").GetArrayLength(), Goal.AtMost(0)));
        });
    }

    /// <param name="folder">Of the pack; null for the demo pack.</param>
    /// <returns>The replay's own report.</returns>
    private static async Task<JsonElement> Replay(BenchSystem system, string? folder, CancellationToken cancel)
    {
        var file = Path.GetTempFileName();
        Process? process = null;
        try
        {
            var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
            string[] data = folder is null ? [] : ["--data", folder];
            foreach (var argument in (string[])[Tool, "--gateway", system.Gateway.ToString(), "--register", "Replay", "--report", file, .. data])
            {
                start.ArgumentList.Add(argument);
            }

            process = Process.Start(start)!;
            var output = process.StandardOutput.ReadToEndAsync(cancel);
            var errors = process.StandardError.ReadToEndAsync(cancel);
            await process.WaitForExitAsync(cancel);
            var words = await output + await errors;
            // 1 says that figures differ: the report names them, and the goal misses them.
            return process.ExitCode is 0 or 1
                ? JsonDocument.Parse(await File.ReadAllTextAsync(file, cancel)).RootElement
                : throw new InvalidOperationException($"The replay ended with {process.ExitCode}: {words[^Math.Min(words.Length, 500)..]}");
        }
        finally
        {
            if (process is { HasExited: false })
            {
                process.Kill();
            }

            process?.Dispose();
            File.Delete(file);
        }
    }
}
