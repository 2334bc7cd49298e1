using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>Somebody of an organisation, and the service that works for them as far as it tells of it.</summary>
public sealed class Desk(OperationsFixture service)
{
    private readonly DateTimeOffset _opened = DateTimeOffset.FromUnixTimeMilliseconds(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()).AddSeconds(-20);

    public Guid Org { get; } = Guid.NewGuid();

    public Guid User { get; } = Guid.NewGuid();

    /// <summary>Seconds after the desk was opened, some time ago, in whole milliseconds.</summary>
    public DateTimeOffset At(double seconds) => _opened.AddMilliseconds(Math.Round(seconds * 1000));

    public HttpClient Client(string role = "viewer", Guid? user = null, Uri? at = null) => service.Client(Org, role, user ?? User, at);

    public OperationStarted Operation(Guid? id = null, Func<OperationStarted, OperationStarted>? change = null)
    {
        var started = new OperationStarted(
            id ?? Guid.NewGuid(), "orders.export", "orders", "Export of orders", User.ToString(), At(0), [new("Read", 3), new("Write")], 3,
            "report", "r-1", """{"rows": 7}""", ["monthly"]);
        return change?.Invoke(started) ?? started;
    }

    public OperationReported Report(Guid id, int attempt, long sequence, double percent, Func<OperationReported, OperationReported>? change = null)
    {
        var now = DateTimeOffset.UtcNow;
        var report = new OperationReported(id, attempt, sequence, now, At(2), now, percent < 75 ? 1 : 2, percent, (long)percent, 100, 1, 2, 4_096, $"at {percent}");
        return change?.Invoke(report) ?? report;
    }

    public OperationEnded End(OperationStarted operation, string outcome = "completed", OperationReported? last = null, Func<OperationEnded, OperationEnded>? change = null)
    {
        var ended = new OperationEnded(
            operation, outcome, DateTimeOffset.UtcNow, last, outcome == "failed" ? "No space left." : null, outcome == "completed" ? """{"href": "/files/1"}""" : null,
            outcome == "cancelled" ? User.ToString() : null);
        return change?.Invoke(ended) ?? ended;
    }

    public Task Say<T>(params T[] messages)
        where T : class => service.Broker.Publish(Org, messages);

    /// <summary>An operation that the service has heard of.</summary>
    public async Task<OperationStarted> Started(Func<OperationStarted, OperationStarted>? change = null)
    {
        var operation = Operation(change: change);
        await Say(operation);
        await RowShows(operation.OperationId, "status = 'queued'");
        return operation;
    }

    /// <summary>An operation whose first attempt has begun, as its row says.</summary>
    public async Task<OperationStarted> Running(Func<OperationStarted, OperationStarted>? change = null, double percent = 10)
    {
        var operation = await Started(change);
        await Say(Report(operation.OperationId, 1, 1, percent));
        await RowShows(operation.OperationId, "status = 'in_progress'");
        return operation;
    }

    public async Task<OperationStarted> Ended(string outcome = "completed", Func<OperationStarted, OperationStarted>? change = null)
    {
        var operation = Operation(change: change);
        await Say(End(operation, outcome, Report(operation.OperationId, 1, 1, 50)));
        await Shows(operation.OperationId, x => x.Text("status") == outcome);
        return operation;
    }

    /// <summary>Whatever was told before through the same queues has been heard once this has.</summary>
    public async Task EverythingIsHeard()
    {
        var last = await Started();
        await Say(Report(last.OperationId, 1, 1, 33));
        await Shows(last.OperationId, x => x.Number("progressPercentage") == 33);
        await Say(End(last));
        await Shows(last.OperationId, x => x.Text("status") == "completed");
    }

    public async Task<JsonElement> Get(string path, HttpStatusCode status = HttpStatusCode.OK, HttpClient? client = null)
    {
        using var own = client is null ? Client() : null;
        using var answer = await (client ?? own!).GetAsync(path);
        var text = await answer.Content.ReadAsStringAsync();
        answer.StatusCode.ShouldBe(status, text);
        return text.Length == 0 ? default : JsonDocument.Parse(text).RootElement;
    }

    public Task<JsonElement> Get(Guid id, HttpClient? client = null) => Get($"/operations/{id}", client: client);

    public async Task<JsonElement> Shows(Guid id, Func<JsonElement, bool> holds) => await Eventually.Is(() => Get(id), holds);

    public Task RowShows(Guid id, string condition) => Eventually.Is(async () => await Sql<long>($"SELECT count(*) FROM operations WHERE id = '{id}' AND {condition}") == 1);

    public async Task<(HttpStatusCode Status, JsonElement Body)> Cancel(Guid id, string? reason = null, HttpClient? client = null, string? key = null)
    {
        using var own = client is null ? Client() : null;
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/operations/{id}/cancel") { Content = JsonContent.Create(new { reason }) };
        if (key is not null)
        {
            request.Headers.Add("Idempotency-Key", key);
        }

        using var answer = await (client ?? own!).SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        return (answer.StatusCode, text.Length == 0 ? default : JsonDocument.Parse(text).RootElement);
    }

    /// <summary>The events of an operation's timeline.</summary>
    public async Task<string[]> Story(Guid id) =>
        [.. (await Get($"/operations/{id}/timeline")).GetProperty("items").EnumerateArray().Select(x => x.Text("event"))];

    /// <summary>How often an operation's row was written meanwhile, and how long that took.</summary>
    public async Task<(long Writes, double Seconds)> Writes(string table, string column, Guid id, Func<Task> during)
    {
        await Execute($"""
            SELECT pg_advisory_xact_lock(1);
            CREATE TABLE IF NOT EXISTS counted_writes (id uuid NOT NULL);
            CREATE OR REPLACE FUNCTION count_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
              BEGIN INSERT INTO counted_writes VALUES (TG_ARGV[0]::uuid); RETURN NULL; END $$;
            CREATE TRIGGER counted_{id:N} AFTER INSERT OR UPDATE ON {table} FOR EACH ROW WHEN (NEW.{column} = '{id}') EXECUTE FUNCTION count_write('{id}')
            """, "owner");
        var began = TimeProvider.System.GetTimestamp();
        await during();
        var seconds = TimeProvider.System.GetElapsedTime(began).TotalSeconds;
        var writes = await Sql<long>($"SELECT count(*) FROM counted_writes WHERE id = '{id}'", "owner");
        await Execute($"DROP TRIGGER counted_{id:N} ON {table}", "owner");
        return (writes, seconds);
    }

    /// <summary>Somebody is held up by what its transaction has locked.</summary>
    public async Task<bool> IsWaitedFor(NpgsqlConnection session) =>
        await Sql<bool>($"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE {session.ProcessID} = ANY (pg_blocking_pids(pid)))");

    /// <summary>The first value of the first row.</summary>
    public async Task<T> Sql<T>(string sql, string role = "app")
    {
        await using var connection = await service.OpenAs(role, Org);
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public async Task Execute(string sql, string role = "app")
    {
        await using var connection = await service.OpenAs(role, Org);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}

public static class Answers
{
    public static string Text(this JsonElement json, string name) => json.GetProperty(name).GetString()!;

    public static double Number(this JsonElement json, string name) => json.GetProperty(name).GetDouble();

    public static bool IsNull(this JsonElement json, string name) => json.GetProperty(name).ValueKind == JsonValueKind.Null;

    public static string Problem(this JsonElement json) => json.Text("type").Split('/')[^1];
}
