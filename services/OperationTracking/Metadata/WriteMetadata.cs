using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Metadata;

/// <summary>Writes what was said of operations' metadata, of each at most once a second, and all of it when the process stops.</summary>
internal sealed partial class WriteMetadata(ServiceDatabase database, LatestMetadata latest, TimeProvider time, ILogger<WriteMetadata> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    /// <summary>What another holds for so long is lost when the process stops.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly HashSet<(Guid Org, Guid Id)> _refused = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        try
        {
            while (true)
            {
                await latest.AnyHeld().WaitAsync(stoppingToken);
                await Task.Delay(Interval, time, stoppingToken);
                await WriteDue(all: false, stoppingToken);
            }
        }
        finally
        {
            using var over = new CancellationTokenSource(Patience, time);
            while (await WriteDue(all: true, over.Token) > 0)
            {
                await Task.Delay(Interval, time, over.Token);
            }
        }
    }

    /// <returns>Of how many organisations another holds something.</returns>
    private async Task<int> WriteDue(bool all, CancellationToken cancel)
    {
        HashSet<Guid> putOff = [];
        // What was refused last comes last: the others of its organisation need not wait for it.
        foreach (var (org, id, patch) in latest.TakeDue(all).OrderBy(due => _refused.Contains((due.Org, due.Id))))
        {
            if (putOff.Contains(org))
            {
                latest.PutBack(org, id);
            }
            else if (await HasSettled(org, id, patch, cancel))
            {
                _refused.Remove((org, id));
            }
            else
            {
                putOff.Add(org);
                _refused.Add((org, id));
            }
        }

        return putOff.Count;
    }

    /// <returns>False when another holds what it would have to change, or the database is away.</returns>
    private async Task<bool> HasSettled(Guid org, Guid id, Patch patch, CancellationToken cancel)
    {
        try
        {
            var isWritten = await HasWritten(org, id, patch, cancel);
            latest.Written(org, id);
            if (!isWritten)
            {
                Dropped(id);
            }
        }
        catch (PostgresException fault) when (LockWait.IsOver(fault))
        {
            latest.PutBack(org, id);
            Later(id, fault.Message);
            return false;
        }
        catch (Exception fault) when (fault is not PostgresException || Faults.IsTransient(fault))
        {
            latest.PutBack(org, id);
            Later(id, fault.Message);
            await Task.Delay(RetryDelay, time, cancel);
            return false;
        }
        catch (PostgresException fault)
        {
            latest.Written(org, id);
            Refused(fault, id);
        }

        return true;
    }

    private async Task<bool> HasWritten(Guid org, Guid id, Patch patch, CancellationToken cancel)
    {
        await using var batch = database.App.CreateBatch();
        batch.BatchCommands.Add(Tenant.ForTransaction(org));
        batch.BatchCommands.Add(LockWait.Command());
        batch.BatchCommands.Add(new("SELECT write_metadata($1, $2)")
        {
            Parameters = { new() { Value = id }, new() { Value = JsonSerializer.Serialize(patch), NpgsqlDbType = NpgsqlDbType.Jsonb } },
        });
        await using var reader = await batch.ExecuteReaderAsync(cancel);
        await reader.NextResultAsync(cancel);
        await reader.NextResultAsync(cancel);
        await reader.ReadAsync(cancel);
        return reader.GetBoolean(0);
    }

    [LoggerMessage(LogLevel.Warning, "Metadata of operation {Id} is dropped: it is unknown, or there is too much of it with what another replica wrote")]
    private partial void Dropped(Guid id);

    [LoggerMessage(LogLevel.Warning, "Metadata of operation {Id} is written later: {Reason}")]
    private partial void Later(Guid id, string reason);

    [LoggerMessage(LogLevel.Error, "Metadata of operation {Id} cannot be written and is dropped")]
    private partial void Refused(Exception fault, Guid id);
}
