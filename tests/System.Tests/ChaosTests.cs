using Npgsql;
using OpsPlatform.Chaos;
using OpsPlatform.Chaos.Invariants;
using OpsPlatform.Chaos.Load;
using OpsPlatform.Chaos.Running;

namespace OpsPlatform.System.Tests;

/// <summary>A short run of what ./run chaos does for long, and that it would see what it looks for.</summary>
[Collection(nameof(SystemCollection))]
public sealed class ChaosTests(RunningSystem system, ITestOutputHelper output)
{
    /// <summary>Its first events are one of each kind, with the broker killed and the database restarted among them, and the shortest of their kind.</summary>
    private const int Seed = 4_396;

    private const int Events = 8;
    private const int EnoughAnswers = 150;
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(10);

    [Fact]
    public async Task While_anything_breaks_nothing_is_lost_doubled_or_mixed_up()
    {
        using var timeout = new CancellationTokenSource(Timeout);
        await using var text = new StringWriter();
        var code = await ChaosCommand.Run(
            new(Seed, Minutes: 1, Events, StateDirectory: ""), await ChaosSystem.Of(system), TextWriter.Synchronized(text), timeout.Token);
        output.WriteLine(text.ToString());
        code.ShouldBe(ChaosCommand.Holds, text.ToString());
        text.ToString().Split('\n').Count(line => line.Contains(" in flight, ", StringComparison.Ordinal)).ShouldBe(Events);
    }

    [Fact]
    public async Task Whatever_must_hold_is_seen_when_it_does_not()
    {
        using var timeout = new CancellationTokenSource(Timeout);
        var target = await ChaosSystem.Of(system);
        using var broker = new BrokerApi(target);
        await using var books = new Books(target);
        await using var crowd = await Crowd.Gather(target.Gateway, shops: 2, Seed, timeout.Token);
        await Eventually.Is(() => Task.FromResult(crowd.Answered > EnoughAnswers && !crowd.Shops[0].Ledger.Imports.IsEmpty), TimeSpan.FromMinutes(2));
        await crowd.Stop();
        var leftOver = new NothingLeftOver(books, broker, crowd);
        await Eventually.Is(() => leftOver.StillUnderWay(timeout.Token), left => left is null, TimeSpan.FromMinutes(2));
        var shops = crowd.Shops;

        await SeenBy(new FeedIsDense(books, shops), "sync", "DELETE FROM feed WHERE org_id = $1 AND position = 3");
        await SeenBy(new OrdersEqualDecisions(books, shops), "inventory", "UPDATE stock_decisions SET state = 'refused' WHERE order_id = (SELECT order_id FROM stock_decisions WHERE org_id = $1 AND state = 'consumed' LIMIT 1)");
        await SeenBy(new StockEqualsLog(books, shops), "inventory", "UPDATE ingredients SET stock = stock + 1 WHERE org_id = $1 AND code = 'flour'");
        await SeenBy(
            new OrdersEqualDecisions(books, shops), "inventory",
            "DELETE FROM stock_log WHERE org_id = $1 AND id = (SELECT id FROM stock_log WHERE org_id = $1 AND change_type = 'consumption' LIMIT 1)", isRightBefore: false);
        await SeenBy(
            new OperationsEnd(books, shops), "inventory",
            "DELETE FROM stock_log WHERE org_id = $1 AND id = (SELECT id FROM stock_log WHERE org_id = $1 AND reason LIKE '% line 7' LIMIT 1)");
        await SeenBy(new OperationsEnd(books, shops), "operations", "UPDATE timeline SET actor = 'nobody' WHERE org_id = $1 AND position = 1", isRightBefore: false);
        await SeenBy(new NoDuplicate(books, shops), "orders", "UPDATE orders SET note = (SELECT min(note) FROM orders WHERE org_id = $1) WHERE id = (SELECT id FROM orders WHERE org_id = $1 ORDER BY note DESC LIMIT 1)");
        await SeenBy(new AnalyticsEqualsOrders(books, shops), "analytics", "UPDATE order_facts SET total_minor = total_minor + 1 WHERE order_id = (SELECT order_id FROM order_facts WHERE org_id = $1 AND state = 'confirmed' LIMIT 1)");
        await SeenBy(new NoCrossTenantRow(books, shops, Seed), "orders", "ALTER TABLE menu_items DISABLE ROW LEVEL SECURITY", undo: "ALTER TABLE menu_items ENABLE ROW LEVEL SECURITY");
        await SeenBy(
            leftOver, "orders",
            "INSERT INTO parked_messages (org_id, queue, message_type, content_type, body, error, attempts) VALUES ($1, 'q', 't', 'c', '', 'e', 1)");

        async Task SeenBy(IInvariant invariant, string database, string harm, string? undo = null, bool isRightBefore = true)
        {
            var before = await Look(invariant);
            if (isRightBefore)
            {
                before.Lines.ShouldBeEmpty();
            }

            await Do(target, database, harm, shops[0].Id);
            try
            {
                (await Look(invariant)).Count.ShouldBeGreaterThan(before.Count, $"{invariant.Name} after: {harm}");
            }
            finally
            {
                await Do(target, database, undo ?? "SELECT 1", shops[0].Id);
            }
        }

        async Task<Findings> Look(IInvariant invariant)
        {
            var findings = new Findings();
            await invariant.Quiet(findings, timeout.Token);
            return findings;
        }
    }

    private static async Task Do(Target target, string database, string sql, Guid organisation)
    {
        await using var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(target.Administrator) { Database = database });
        await using var command = source.CreateCommand(sql);
        if (sql.Contains("$1", StringComparison.Ordinal))
        {
            command.Parameters.Add(new() { Value = organisation });
        }

        await command.ExecuteNonQueryAsync();
    }
}
