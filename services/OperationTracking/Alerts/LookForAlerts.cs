using Npgsql;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.OperationTracking.Alerts;

/// <summary>
/// Looks every ten seconds at the organisations that have operations going on, ended just now, or open alerts: opens alerts and resolves
/// those that are over. Every replica does it; the database opens each once.
/// </summary>
internal sealed partial class LookForAlerts(ServiceDatabase database, TimeProvider time, ILogger<LookForAlerts> log) : BackgroundService
{
    /// <summary>Alerts that one look opens for an organisation; the next look opens the others.</summary>
    private const int MostAtOnce = 500;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    /// <summary>Longer than a replica takes to start and a message to come; what ends later counts when the organisation is looked at again.</summary>
    private static readonly TimeSpan JustEnded = TimeSpan.FromMinutes(2);

    /// <returns>How many alerts were opened or resolved.</returns>
    public async Task<long> Run(CancellationToken cancel)
    {
        var now = time.GetUtcNow();
        var changed = 0L;
        foreach (var org in await Organisations(now, cancel))
        {
            try
            {
                await using var look = database.Relay.CreateCommand("SELECT look_for_alerts($1, $2, $3)");
                look.Parameters.Add(new() { Value = org });
                look.Parameters.Add(new() { Value = now });
                look.Parameters.Add(new() { Value = MostAtOnce });
                changed += (long)(await look.ExecuteScalarAsync(cancel))!;
            }
            catch (NpgsqlException fault)
            {
                NotLooked(org, fault);
            }
        }

        return changed;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval, time);
        // Not at once: workers have yet to be heard by a service that was away.
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await Run(stoppingToken);
            }
            catch (NpgsqlException fault)
            {
                NotLooked(null, fault);
            }
        }
    }

    private async Task<List<Guid>> Organisations(DateTimeOffset now, CancellationToken cancel)
    {
        await using var find = database.Relay.CreateCommand("SELECT organisations_to_look_at($1)");
        find.Parameters.Add(new() { Value = now - JustEnded });
        await using var rows = await find.ExecuteReaderAsync(cancel);
        List<Guid> found = [];
        while (await rows.ReadAsync(cancel))
        {
            found.Add(rows.GetGuid(0));
        }

        return found;
    }

    [LoggerMessage(LogLevel.Warning, "Alerts of organisation {Org} were not looked for; the next look does it")]
    private partial void NotLooked(Guid? org, Exception fault);
}
