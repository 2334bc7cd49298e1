using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;

namespace OpsPlatform.Testing;

/// <summary>
/// Runs the statements again that a service sent while it answered a request, as its own role on behalf of the same
/// organisation, and tells how PostgreSQL went about them: the first time, planned for the values, so often later that a
/// prepared statement is planned for all values, if that seemed as good, and when another organisation had it prepared before.
/// </summary>
public static class QueryPlans
{
    /// <summary>PostgreSQL weighs one plan for all values against the first five.</summary>
    private const int Times = 7;

    /// <summary>What a plan made for another organisation may read more than the organisation's own: times, and 8 KiB blocks besides.</summary>
    private const int MoreTimes = 3;
    private const int MoreBlocks = 100;

    /// <param name="path">Asked for by GET.</param>
    /// <param name="naming">What the statements name; others are passed over.</param>
    public static async Task<IReadOnlyList<QueryPlan>> Of(ServiceFixture fixture, Guid org, string path, string naming)
    {
        await using var app = await fixture.OpenAs("app", org);
        using var client = fixture.Client(org);
        using var recorder = new Recorder(app.Database, naming);
        (await client.GetAsync(path)).EnsureSuccessStatusCode();
        recorder.Stop();
        recorder.Statements.ShouldNotBeEmpty($"{path} sent nothing that names {naming}");
        List<QueryPlan> plans = [];
        foreach (var statement in recorder.Statements)
        {
            var own = await Explain(statement, fixture, org);
            var others = (await Explain(statement, fixture, Guid.NewGuid(), org))[^1] with { When = "prepared for another organisation" };
            others.BlocksRead.ShouldBeLessThanOrEqualTo((MoreTimes * own.Max(plan => plan.BlocksRead)) + MoreBlocks, $"{path}: {own[^1]}; {others}");
            plans.AddRange([own[0], own[^1], others]);
        }

        return plans;
    }

    /// <summary>The server itself tells the plans it used: EXPLAIN would plan a prepared statement anew.</summary>
    /// <param name="orgs">Those that ask in the same session, one after the other.</param>
    private static async Task<QueryPlan[]> Explain(NpgsqlCommand statement, ServiceFixture fixture, params Guid[] orgs)
    {
        await using var app = await fixture.OpenAs("app");
        // A session of its own: one from the pool keeps the plans of before.
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder((await Infrastructure.Get()).Database(app.Database)) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        List<string> told = [];
        connection.Notice += (_, notice) => told.Add(notice.Notice.MessageText);
        await Run(connection, $"""
            LOAD 'auto_explain';
            SET auto_explain.log_min_duration = 0; SET auto_explain.log_analyze = on; SET auto_explain.log_timing = off; SET auto_explain.log_buffers = on;
            SET auto_explain.log_format = json; SET auto_explain.log_level = notice; SET client_min_messages = notice; SET ROLE {fixture.Database.Role("app")}
            """);
        await using var command = statement.Clone();
        command.Connection = connection;
        await command.PrepareAsync();
        foreach (var org in orgs)
        {
            await Run(connection, $"SET app.org_id = '{org}'");
            for (var i = 0; i < Times; i++)
            {
                await using var reader = await command.ExecuteReaderAsync();
                while (await reader.ReadAsync())
                {
                    // Only a statement that was read to its end tells all it did.
                }
            }
        }

        told.Count.ShouldBe(Times * orgs.Length);
        return [.. told.Select((text, i) => new QueryPlan(
            i == 0 ? "first" : "prepared", JsonDocument.Parse(text[text.IndexOf('{', StringComparison.Ordinal)..]).RootElement.GetProperty("Plan")))];
    }

    private static async Task Run(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private sealed class Recorder : IObserver<DiagnosticListener>, IObserver<KeyValuePair<string, object?>>, IDisposable
    {
        private readonly string _database;
        private readonly string _naming;
        private readonly ConcurrentQueue<IDisposable> _subscriptions = [];
        private readonly ConcurrentQueue<NpgsqlCommand> _statements = [];

        public Recorder(string database, string naming)
        {
            _database = database;
            _naming = naming;
            _subscriptions.Enqueue(DiagnosticListener.AllListeners.Subscribe(this));
        }

        public IReadOnlyCollection<NpgsqlCommand> Statements => _statements;

        public void OnNext(DiagnosticListener value)
        {
            if (value.Name == "Microsoft.EntityFrameworkCore")
            {
                _subscriptions.Enqueue(value.Subscribe(this));
            }
        }

        public void OnNext(KeyValuePair<string, object?> value)
        {
            if (value.Key == RelationalEventId.CommandExecuting.Name && value.Value is CommandEventData { Command: NpgsqlCommand command }
                && command.Connection?.Database == _database && command.CommandText.Contains(_naming, StringComparison.Ordinal))
            {
                _statements.Enqueue(command.Clone());
            }
        }

        public void OnError(Exception error)
        {
        }

        public void OnCompleted()
        {
        }

        public void Stop()
        {
            while (_subscriptions.TryDequeue(out var subscription))
            {
                subscription.Dispose();
            }
        }

        public void Dispose() => Stop();
    }
}

/// <summary>A plan as it was carried out.</summary>
/// <param name="When">The first time, or once it was prepared for long.</param>
public sealed record QueryPlan(string When, JsonElement Root)
{
    /// <summary>Rows taken from tables and indexes, those thrown away included.</summary>
    public double RowsRead => Nodes(Root).Where(node => node.TryGetProperty("Relation Name", out _)).Sum(RowsOf);

    /// <summary>Of 8 KiB, of tables and indexes, each time one was looked at.</summary>
    public double BlocksRead => Root.GetProperty("Shared Hit Blocks").GetDouble() + Root.GetProperty("Shared Read Blocks").GetDouble();

    /// <summary>Tables that were read from end to end, with the rows read.</summary>
    public IEnumerable<string> SequentialScans => Nodes(Root).Where(node => Type(node).Contains("Seq Scan") && RowsOf(node) > SmallTable)
        .Select(node => $"{node.GetProperty("Relation Name")}: {RowsOf(node)} rows");

    /// <summary>Functions whose reading the plan does not show.</summary>
    public IEnumerable<string> FunctionScans => Nodes(Root).Where(node => Type(node) == "Function Scan").Select(node => node.GetProperty("Function Name").ToString());

    private const int SmallTable = 100;

    public override string ToString() => $"{When}, {BlocksRead} blocks: " + string.Join("; ", Nodes(Root).Where(node => node.TryGetProperty("Relation Name", out _)).Select(node =>
        $"{Type(node)} on {node.GetProperty("Relation Name")} read {RowsOf(node)} rows"
        + $"{(node.TryGetProperty("Index Cond", out var condition) ? $" by {condition}" : "")}{(node.TryGetProperty("Filter", out var filter) ? $", kept {filter}" : "")}"));

    private static string Type(JsonElement node) => node.GetProperty("Node Type").GetString()!;

    private static double RowsOf(JsonElement node)
    {
        double Of(string name) => node.TryGetProperty(name, out var number) ? number.GetDouble() : 0;
        return Of("Actual Loops") * (Of("Actual Rows") + Of("Rows Removed by Filter") + Of("Rows Removed by Index Recheck") + Of("Rows Removed by Join Filter"));
    }

    private static IEnumerable<JsonElement> Nodes(JsonElement node) =>
        [node, .. node.TryGetProperty("Plans", out var below) ? below.EnumerateArray().SelectMany(Nodes) : []];
}
