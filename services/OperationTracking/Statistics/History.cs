using System.Collections.Concurrent;
using Npgsql;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.OperationTracking.Reports;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Statistics;

/// <summary>How long an organisation's operations of a type took in the last month, by size; kept in memory for a while.</summary>
internal sealed partial class History(ServiceDatabase database, TimeProvider time, ILogger<History> log) : IAsyncDisposable
{
    /// <summary>So many have to have taken longer than the one at hand has by now.</summary>
    private const int Enough = 5;

    private const int MostKept = 2_000;
    private const int MaxConnections = 4;
    private static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(30);

    private const string ReadSql = """
        SELECT size_class, bucket, sum(operations)::bigint FROM operation_durations
        WHERE operation_type = $1 AND day >= (now() AT TIME ZONE 'UTC')::date - 30 GROUP BY size_class, bucket
        """;

    private const string ForetellSql = """
        UPDATE operations SET forecast_p50_at = $2, forecast_p90_at = $3 WHERE org_id = (SELECT current_org()) AND id = $1 AND completed_at IS NULL AND forecast_p50_at IS NULL
        """;

    /// <summary>It is read also while a request holds a connection of the pool.</summary>
    private readonly NpgsqlDataSource _source = database.Apart(MaxConnections);

    private readonly ConcurrentDictionary<(Guid Org, string Type), (long At, Task<IReadOnlyDictionary<int, Durations[]>> Sizes)> _types = [];

    /// <summary>Reads what is not known yet or no longer new, so that forecasts may be made of it; where it cannot be read there are none for now.</summary>
    public async Task Load(Guid org, string type, CancellationToken cancel)
    {
        try
        {
            await LoadNew(org, type, cancel);
        }
        catch (NpgsqlException fault)
        {
            NotRead(fault.Message);
        }
    }

    /// <returns>Null when the operation is not at work, or too little is known to say.</returns>
    public Forecast? Of(Operation row, Progress progress, DateTimeOffset now) =>
        progress is { Status: OperationStatus.InProgress, StartedAt: { } since } ? Of(row.OrgId, row.OperationType, progress.Total, now - since, progress.Percentage) : null;

    /// <summary>Notes what is foretold of an operation now, to be compared with its end.</summary>
    public async Task Foretell(Guid org, string type, Heard heard, CancellationToken cancel)
    {
        await Load(org, type, cancel);
        var now = time.GetUtcNow();
        if (Of(org, type, heard.Report.Total, now - heard.Report.StartedAt, heard.Report.Percent) is not { } forecast)
        {
            return;
        }

        // A batch is one transaction.
        await using var batch = database.App.CreateBatch();
        batch.BatchCommands.Add(Tenant.ForTransaction(org));
        batch.BatchCommands.Add(LockWait.Command());
        batch.BatchCommands.Add(new(ForetellSql)
        {
            Parameters = { new() { Value = heard.Report.OperationId }, new() { Value = now + forecast.P50 }, new() { Value = now + forecast.P90 } },
        });
        await batch.ExecuteNonQueryAsync(cancel);
    }

    public ValueTask DisposeAsync() => _source.DisposeAsync();

    private async Task LoadNew(Guid org, string type, CancellationToken cancel)
    {
        if (_types.TryGetValue((org, type), out var kept) && time.GetElapsedTime(kept.At) < KeptFor && !kept.Sizes.IsFaulted)
        {
            await kept.Sizes.WaitAsync(cancel);
            return;
        }

        if (_types.Count >= MostKept)
        {
            _types.Clear();
        }

        await (_types[(org, type)] = (time.GetTimestamp(), Read(org, type))).Sizes.WaitAsync(cancel);
    }

    private static int SizeClass(long? total) => total > 0 ? 1 + (int)Math.Floor(Math.Log(total.Value, 4)) : 0;

    /// <returns>Null when too little is known to say.</returns>
    public Forecast? Of(Guid org, string type, long? total, TimeSpan elapsed, double percent)
    {
        var sizes = _types.TryGetValue((org, type), out var kept) && kept.Sizes.IsCompletedSuccessfully ? kept.Sizes.Result : null;
        foreach (var history in sizes?.GetValueOrDefault(SizeClass(total)) ?? [])
        {
            if (history.CountAbove(elapsed.TotalMilliseconds) >= Enough)
            {
                return Forecast.Of(elapsed, percent, history);
            }
        }

        return Forecast.Of(elapsed, percent, history: null);
    }

    /// <returns>By size those of its own, and then with those a little smaller and larger, for when there are too few of its own.</returns>
    private static Dictionary<int, Durations[]> BySize(IReadOnlyList<(int Size, int Bucket, long Operations)> counts)
    {
        return counts.SelectMany(count => count.Size == 0 ? (int[])[0] : [Math.Max(1, count.Size - 1), count.Size, count.Size + 1]).Distinct()
            .ToDictionary(size => size, size => size == 0 ? (Durations[])[Of(0, 0)] : [Of(size, size), Of(Math.Max(1, size - 1), size + 1)]);

        Durations Of(int from, int to) => new(counts.Where(count => count.Size >= from && count.Size <= to).Select(count => (count.Bucket, count.Operations)));
    }

    private async Task<IReadOnlyDictionary<int, Durations[]>> Read(Guid org, string type)
    {
        await using var connection = await _source.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await using var batch = new NpgsqlBatch(connection, transaction) { BatchCommands = { Tenant.ForTransaction(org), new(ReadSql) { Parameters = { new() { Value = type } } } } };
        await using var row = await batch.ExecuteReaderAsync();
        List<(int Size, int Bucket, long Operations)> counts = [];
        do
        {
            while (row.FieldCount == 3 && await row.ReadAsync())
            {
                counts.Add((row.GetInt16(0), row.GetInt16(1), row.GetInt64(2)));
            }
        }
        while (await row.NextResultAsync());
        return BySize(counts);
    }

    [LoggerMessage(LogLevel.Warning, "How long operations took could not be read, and nothing is foretold of them for now: {Reason}")]
    private partial void NotRead(string reason);
}
