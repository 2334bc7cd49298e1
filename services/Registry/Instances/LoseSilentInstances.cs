using Microsoft.EntityFrameworkCore;
using Npgsql;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Registry;

namespace OpsPlatform.Registry.Instances;

/// <summary>
/// Calls instances lost whose lease is over, and forgets what is old. Every replica does it: whoever has the list's lock
/// finds them, and the next one finds nothing.
/// </summary>
internal sealed partial class LoseSilentInstances(
    InstanceList list, ServiceDatabase database, [FromKeyedServices(InstanceEndpoints.Looks)] NpgsqlDataSource looks, Forgetting forgetting, RegistrySettings settings,
    TimeProvider time, ILogger<LoseSilentInstances> log) : BackgroundService
{
    private static readonly TimeSpan ForgetInterval = TimeSpan.FromHours(1);
    private static readonly TimeSpan GoneKept = TimeSpan.FromDays(1);

    private long _listeningSince;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        _listeningSince = time.GetTimestamp();
        var lastTick = _listeningSince;
        long? forgotten = null;
        using var timer = new PeriodicTimer(settings.SweepInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            // Stopped, asleep or without its database, the registry could hear no heartbeat: nobody is lost for that.
            if (time.GetElapsedTime(lastTick) > settings.Lease / 3)
            {
                _listeningSince = time.GetTimestamp();
            }

            lastTick = time.GetTimestamp();
            try
            {
                await Lose(stoppingToken);
                if (forgotten is not { } last || time.GetElapsedTime(last) > ForgetInterval)
                {
                    await Forget(stoppingToken);
                    forgotten = time.GetTimestamp();
                }
            }
            catch (Exception fault) when (!stoppingToken.IsCancellationRequested)
            {
                _listeningSince = time.GetTimestamp();
                Failed(Faults.IsTransient(fault) ? LogLevel.Warning : LogLevel.Error, fault);
            }
        }
    }

    private async Task Lose(CancellationToken cancel)
    {
        // A cheap look first: almost always there is nobody.
        await using (var look = looks.CreateCommand(
            "SELECT EXISTS (SELECT FROM instances WHERE state NOT IN ('lost', 'stopped') AND last_heartbeat_at < clock_timestamp() - $1)"))
        {
            look.Parameters.Add(new() { Value = settings.Lease });
            if (await look.ExecuteScalarAsync(cancel) is not true || time.GetElapsedTime(_listeningSince) < settings.Lease)
            {
                return;
            }
        }

        await list.Change(
            async (db, now) =>
            {
                // Locked, so that a heartbeat is either seen here or finds its instance lost and brings it back.
                var silent = await db.Instances.FromSql(
                    $"SELECT * FROM instances WHERE state NOT IN ('lost', 'stopped') AND last_heartbeat_at < {now - settings.Lease} FOR UPDATE").ToListAsync(cancel);
                foreach (var instance in silent)
                {
                    db.Change(instance, InstanceState.Lost, string.Create(
                        System.Globalization.CultureInfo.InvariantCulture, $"No heartbeat for {(now - instance.LastHeartbeatAt).TotalSeconds:0.0} s."), now);
                }
            },
            cancel);
    }

    private async Task Forget(CancellationToken cancel)
    {
        await forgetting.Rows("instances", "changed_at", GoneKept, cancel, "state IN ('lost', 'stopped')");
        await forgetting.Rows("health_history", "changed_at", settings.HistoryKept, cancel);
    }

    // The level is the fault's.
    [LoggerMessage(Message = "Leases were not looked at; trying again")]
    private partial void Failed(LogLevel level, Exception fault);
}
