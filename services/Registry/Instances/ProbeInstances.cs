using Microsoft.EntityFrameworkCore;
using Npgsql;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Registry.Instances;

/// <summary>Asks every instance that calls itself well for its /health now and then. Replicas share the work instance by instance.</summary>
internal sealed partial class ProbeInstances(
    InstanceList list, ServiceDatabase database, [FromKeyedServices(InstanceEndpoints.Looks)] NpgsqlDataSource looks, Probe probe, RegistrySettings settings, TimeProvider time,
    ILogger<ProbeInstances> log) : BackgroundService
{
    private const int MaxProbes = 16;

    /// <summary>Taken by writing the time, so that no other replica asks the same instance.</summary>
    private const string TakeSql = """
        UPDATE instances SET probed_at = clock_timestamp() WHERE id IN (
          SELECT id FROM instances WHERE state IN ('healthy', 'degraded', 'unhealthy') AND reported IN ('healthy', 'degraded')
            AND probed_at < clock_timestamp() - CASE WHEN probe_error IS NULL THEN $1 ELSE $2 END
          ORDER BY probed_at LIMIT $3 FOR UPDATE SKIP LOCKED)
        RETURNING id, address, probe_error
        """;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(settings.SweepInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await Task.WhenAll((await Take(stoppingToken)).Select(due => Ask(due, stoppingToken)));
            }
            catch (Exception fault) when (!stoppingToken.IsCancellationRequested)
            {
                Failed(Faults.IsTransient(fault) ? LogLevel.Warning : LogLevel.Error, fault);
            }
        }
    }

    private async Task<List<(Guid Id, string Address, string? KnownError)>> Take(CancellationToken cancel)
    {
        await using var take = looks.CreateCommand(TakeSql);
        take.Parameters.Add(new() { Value = settings.ProbeInterval });
        take.Parameters.Add(new() { Value = settings.Heartbeat });
        take.Parameters.Add(new() { Value = MaxProbes });
        List<(Guid, string, string?)> due = [];
        await using var row = await take.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            due.Add((row.GetGuid(0), row.GetString(1), row.IsDBNull(2) ? null : row.GetString(2)));
        }

        return due;
    }

    private async Task Ask((Guid Id, string Address, string? KnownError) due, CancellationToken cancel)
    {
        // A single miss is no finding: it is asked again at once.
        var error = await probe.Failure(due.Address, cancel) is null ? null : await probe.Failure(due.Address, cancel);
        if (error == due.KnownError)
        {
            return;
        }

        await list.Change(
            async (db, now) =>
            {
                // It may have moved or stopped while it was asked.
                if (await db.Instances.FirstOrDefaultAsync(x => x.Id == due.Id && x.Address == due.Address, cancel) is { IsLive: true } instance)
                {
                    instance.ProbeError = error;
                    instance.Reached |= error is null;
                    var (state, reason) = instance.Assess();
                    db.Change(instance, state, reason, now);
                }
            },
            cancel);
    }

    // The level is the fault's.
    [LoggerMessage(Message = "Instances were not probed; trying again")]
    private partial void Failed(LogLevel level, Exception fault);
}
