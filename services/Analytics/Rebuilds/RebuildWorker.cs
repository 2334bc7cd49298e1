using System.Net;
using System.Text.Json;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Analytics.Rebuilds;

/// <summary>Wakes this process's worker when a rebuild was asked for here; those of other replicas find it by their poll.</summary>
internal sealed class RebuildSignal : IDisposable
{
    private readonly SemaphoreSlim _asked = new(0);

    public void Wake() => _asked.Release();

    public Task Wait(TimeSpan atMost, CancellationToken cancel) => _asked.WaitAsync(atMost, cancel);

    public void Dispose() => _asked.Dispose();
}

/// <summary>Works on rebuilds nobody works on, of all organisations: new ones, and those a killed instance left.</summary>
internal sealed partial class RebuildWorker(
    IServiceScopeFactory scopes, ServiceDatabase database, RebuildSignal signal, IConfiguration configuration, TimeProvider time, ILogger<RebuildWorker> log)
    : BackgroundService
{
    /// <summary>In one process; one organisation's slow owner must not keep all others waiting.</summary>
    private const int MaxAtOnce = 4;

    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    /// <summary>How long an owner may be away before the rebuild is given up.</summary>
    private readonly TimeSpan _patience = configuration.GetValue("Analytics:RebuildPatience", TimeSpan.FromMinutes(2));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        List<Task> working = [];
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                working.RemoveAll(task => task.IsCompleted);
                foreach (var (org, id) in await Unclaimed(MaxAtOnce - working.Count, stoppingToken))
                {
                    working.Add(Work(org, id, stoppingToken));
                }
            }
            catch (Exception fault) when (!stoppingToken.IsCancellationRequested)
            {
                // A fault here must not end the service; the next poll tries again.
                Failed(Faults.IsTransient(fault) ? LogLevel.Warning : LogLevel.Error, fault);
            }

            await signal.Wait(PollInterval, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await Task.WhenAll(working);
    }

    private async Task<List<(Guid Org, Guid Id)>> Unclaimed(int atMost, CancellationToken cancel)
    {
        List<(Guid, Guid)> found = [];
        await using var command = database.App.CreateCommand("SELECT org_id, id FROM unclaimed_rebuilds($1, $2)");
        command.Parameters.Add(new() { Value = time.GetUtcNow() });
        command.Parameters.Add(new() { Value = atMost });
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            found.Add((row.GetGuid(0), row.GetGuid(1)));
        }

        return found;
    }

    private async Task Work(Guid org, Guid id, CancellationToken stopping)
    {
        await using var scope = scopes.CreateAsyncScope();
        scope.ServiceProvider.GetRequiredService<Caller>().ActFor(org, "analytics");
        var run = scope.ServiceProvider.GetRequiredService<RebuildRun>();
        try
        {
            if (await run.TryClaim(id, stopping))
            {
                await Work(run, id, stopping);
            }
        }
        catch (ClaimLostException)
        {
            TakenOver(id);
        }
        catch (Exception) when (stopping.IsCancellationRequested)
        {
            await Release(run, id);
        }
        catch (Exception fault)
        {
            Failed(Faults.IsTransient(fault) ? LogLevel.Warning : LogLevel.Error, fault);
        }
    }

    private async Task Work(RebuildRun run, Guid id, CancellationToken stopping)
    {
        var wentWellAt = time.GetTimestamp();
        var failures = 0;
        while (true)
        {
            try
            {
                if (!await run.Step(id, stopping))
                {
                    return;
                }

                (wentWellAt, failures) = (time.GetTimestamp(), 0);
            }
            catch (Exception fault) when (!stopping.IsCancellationRequested && MayPass(fault) && time.GetElapsedTime(wentWellAt) < _patience)
            {
                Waits(id, fault.Message);
                await run.Keep(id, stopping);
                await Task.Delay(Pause(failures++, run.Lease), time, stopping);
            }
            catch (Exception fault) when (!stopping.IsCancellationRequested && fault is not ClaimLostException)
            {
                GivenUp(fault, id);
                await run.Fail(id, Reason(fault), stopping);
            }
        }
    }

    /// <summary>Growing, and short enough to come back before the claim ends.</summary>
    private static TimeSpan Pause(int failures, TimeSpan lease) =>
        TimeSpan.FromMilliseconds(Math.Min(Math.Min(LongestPause.TotalMilliseconds, lease.TotalMilliseconds / 4), 100 << Math.Min(failures, 6)));

    private static bool MayPass(Exception fault) => fault is ServiceAwayException
        or HttpRequestException { StatusCode: >= HttpStatusCode.InternalServerError or HttpStatusCode.TooManyRequests or HttpStatusCode.Unauthorized }
        || Faults.IsTransient(fault);

    /// <summary>What an admin may read; faults of ours are in the log.</summary>
    private static string Reason(Exception fault) => fault switch
    {
        ServiceAwayException away => $"The {away.Service} service was away for too long.",
        HttpRequestException or JsonException or InvalidOperationException => fault.Message,
        _ => "Something broke on our side; it is in the log under the rebuild's id.",
    };

    private async Task Release(RebuildRun run, Guid id)
    {
        try
        {
            await run.Release(id);
        }
        catch (Exception fault)
        {
            // Then the claim ends by itself.
            Failed(LogLevel.Warning, fault);
        }
    }

    [LoggerMessage(LogLevel.Information, "Rebuild {Id} was taken over by another instance")]
    private partial void TakenOver(Guid id);

    [LoggerMessage(LogLevel.Warning, "Rebuild {Id} waits: {Reason}")]
    private partial void Waits(Guid id, string reason);

    [LoggerMessage(LogLevel.Error, "Rebuild {Id} is given up")]
    private partial void GivenUp(Exception fault, Guid id);

    [LoggerMessage("Rebuilds could not be worked on; the next poll tries it")]
    private partial void Failed(LogLevel level, Exception fault);
}
