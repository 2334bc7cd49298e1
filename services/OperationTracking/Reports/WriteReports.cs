using Npgsql;
using NpgsqlTypes;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.OperationTracking.Statistics;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Reports;

/// <summary>
/// Writes the latest reports to their operations, many in one round trip: what begins or fails an attempt at the next turn, what only tells
/// of progress at most once a second. When it is stopped it writes what is left; nothing must be heard any more by then.
/// </summary>
internal sealed partial class WriteReports(ServiceDatabase database, LatestReports latest, History history, OperationWatch watches, TimeProvider time, ILogger<WriteReports> log)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ForgetInterval = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    /// <summary>What cannot be written within this time of a stop is lost, until a later report tells of it again.</summary>
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Reports a transaction: it locks their rows and their organisations' timelines until it commits.</summary>
    private const int MostAtOnce = 500;

    /// <param name="WantsForecast">Its type, when its end is to be foretold now.</param>
    private readonly record struct Known(bool HasEnded, string? WantsForecast);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        using var over = new CancellationTokenSource();
        await using var stop = stoppingToken.Register(() => over.CancelAfter(StopTimeout));
        var forgotten = time.GetTimestamp();
        while (!stoppingToken.IsCancellationRequested)
        {
            await latest.AnyUnwritten().WaitAsync(ForgetInterval, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await Task.Delay(Interval, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await Write(latest.TakeDue(), over.Token);
            if (time.GetElapsedTime(forgotten) >= ForgetInterval)
            {
                latest.ForgetSilent();
                forgotten = time.GetTimestamp();
            }
        }

        // What another holds, or what is told of before its start, is tried again.
        while (latest.TakeRest() is { Count: > 0 } rest)
        {
            await Write(rest, over.Token);
            await Task.Delay(Interval, time, over.Token);
        }
    }

    /// <summary>Organisations in one order, so that replicas take turns at their timelines.</summary>
    private async Task Write(IEnumerable<DueReport> due, CancellationToken cancel)
    {
        foreach (var some in due.OrderBy(report => report.Org).Chunk(MostAtOnce))
        {
            await WriteTogether(some, cancel);
        }
    }

    private async Task WriteTogether(DueReport[] due, CancellationToken cancel)
    {
        try
        {
            var known = await Apply(due, cancel);
            Settle(due, known);
            await Foretell(due, known, cancel);
        }
        catch (PostgresException fault) when (LockWait.IsOver(fault))
        {
            await WriteApart(due, fault, cancel);
        }
        catch (Exception fault) when (!cancel.IsCancellationRequested && (fault is not PostgresException || Faults.IsTransient(fault)))
        {
            foreach (var report in due)
            {
                latest.PutBack(report);
            }

            Later(due.Length, fault.Message);
            await Task.Delay(RetryDelay, time, cancel);
        }
        catch (PostgresException fault) when (due.Length == 1)
        {
            Refused(fault, due[0].Id);
        }
        catch (PostgresException)
        {
            // One of them is at fault: the others are written without it.
            foreach (var half in due.Chunk((due.Length + 1) / 2))
            {
                await WriteTogether(half, cancel);
            }
        }
    }

    /// <summary>Each organisation by itself, and later if it is the one.</summary>
    private async Task WriteApart(DueReport[] due, PostgresException fault, CancellationToken cancel)
    {
        var groups = due.GroupBy(report => report.Org).ToArray();
        if (groups.Length == 1)
        {
            latest.PutBackForLater(groups[0].Key, due);
            Later(due.Length, fault.Message);
            return;
        }

        foreach (var group in groups)
        {
            await WriteTogether([.. group], cancel);
        }
    }

    private async Task<Dictionary<(Guid Org, Guid Id), Known>> Apply(DueReport[] due, CancellationToken cancel)
    {
        var groups = due.GroupBy(report => report.Org).ToArray();
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await using var batch = new NpgsqlBatch(connection, transaction);
        batch.BatchCommands.Add(LockWait.Command());
        List<Guid?> answers = [null];
        foreach (var group in groups)
        {
            batch.BatchCommands.Add(Tenant.ForTransaction(group.Key));
            answers.Add(null);
            if (group.Select(report => report.Before).OfType<Heard>().ToArray() is { Length: > 0 } before)
            {
                batch.BatchCommands.Add(Hear(before));
                answers.Add(null);
            }

            batch.BatchCommands.Add(Hear(group.Select(report => report.Heard)));
            answers.Add(group.Key);
        }

        Dictionary<(Guid, Guid), Known> known = [];
        await using (var reader = await batch.ExecuteReaderAsync(cancel))
        {
            foreach (var org in answers)
            {
                while (await reader.ReadAsync(cancel))
                {
                    if (org is { } one)
                    {
                        known[(one, reader.GetGuid(0))] = new(reader.GetBoolean(1), reader.IsDBNull(2) ? null : reader.GetString(2));
                    }
                }

                await reader.NextResultAsync(cancel);
            }
        }

        await transaction.CommitAsync(cancel);
        return known;
    }

    private void Settle(IEnumerable<DueReport> due, Dictionary<(Guid Org, Guid Id), Known> known)
    {
        foreach (var report in due)
        {
            if (!known.TryGetValue((report.Org, report.Id), out var operation))
            {
                latest.Unknown(report);
            }
            else if (operation.HasEnded)
            {
                latest.Ended(report);
            }
            else
            {
                latest.Written(report);
                if (report.IsUrgent)
                {
                    watches.Changed(report.Org, report.Id);
                }
                else
                {
                    watches.TellOthers(report.Org, report.Id);
                }
            }
        }
    }

    /// <summary>What is not foretold now is with the next report.</summary>
    private async Task Foretell(DueReport[] due, Dictionary<(Guid Org, Guid Id), Known> known, CancellationToken cancel)
    {
        HashSet<Guid> putOff = [];
        foreach (var report in due)
        {
            if (known.GetValueOrDefault((report.Org, report.Id)).WantsForecast is not { } type || putOff.Contains(report.Org))
            {
                continue;
            }

            try
            {
                await history.Foretell(report.Org, type, report.Heard, cancel);
            }
            catch (NpgsqlException fault)
            {
                NotForetold(fault.Message);
                if (!LockWait.IsOver(fault))
                {
                    return;
                }

                putOff.Add(report.Org);
            }
        }
    }

    private static NpgsqlBatchCommand Hear(IEnumerable<Heard> reports) => new("SELECT operation_id, has_ended, wants_forecast FROM hear_reports($1)")
    {
        Parameters = { new() { Value = ReportRows.Json(reports), NpgsqlDbType = NpgsqlDbType.Jsonb } },
    };

    [LoggerMessage(LogLevel.Warning, "{Count} reports are written later: {Reason}")]
    private partial void Later(int count, string reason);

    [LoggerMessage(LogLevel.Warning, "When operations end is foretold later: {Reason}")]
    private partial void NotForetold(string reason);

    [LoggerMessage(LogLevel.Error, "A report of operation {Id} cannot be written and is dropped")]
    private partial void Refused(Exception fault, Guid id);
}
