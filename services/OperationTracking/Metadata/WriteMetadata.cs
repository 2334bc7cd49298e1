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

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        try
        {
            while (true)
            {
                await latest.AnyHeld().WaitAsync(stoppingToken);
                await Task.Delay(Interval, time, stoppingToken);
                foreach (var (org, id, patch) in latest.TakeDue(all: false))
                {
                    await Write(org, id, patch, stoppingToken);
                }
            }
        }
        finally
        {
            foreach (var (org, id, patch) in latest.TakeDue(all: true))
            {
                await Write(org, id, patch, CancellationToken.None);
            }
        }
    }

    private async Task Write(Guid org, Guid id, Patch patch, CancellationToken cancel)
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
        catch (Exception fault) when (fault is not PostgresException || Faults.IsTransient(fault))
        {
            latest.PutBack(org, id);
            Later(id, fault.Message);
            await Task.Delay(RetryDelay, time, cancel);
        }
        catch (PostgresException fault)
        {
            latest.Written(org, id);
            Refused(fault, id);
        }
    }

    private async Task<bool> HasWritten(Guid org, Guid id, Patch patch, CancellationToken cancel)
    {
        await using var batch = database.App.CreateBatch();
        batch.BatchCommands.Add(Tenant.ForTransaction(org));
        batch.BatchCommands.Add(new("SELECT write_metadata($1, $2)")
        {
            Parameters = { new() { Value = id }, new() { Value = JsonSerializer.Serialize(patch), NpgsqlDbType = NpgsqlDbType.Jsonb } },
        });
        await using var reader = await batch.ExecuteReaderAsync(cancel);
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
