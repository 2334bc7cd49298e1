using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Npgsql;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Sync.Consistency;

/// <summary>Brings the state of every row up to the feed, behind the appends and many entries at a time: a row changed often is written once.</summary>
internal sealed partial class ApplyFeed(
    [FromKeyedServices("relay")] NpgsqlDataSource relay, ServiceDatabase database, IOptions<SyncOptions> options, TimeProvider time, ILogger<ApplyFeed> log)
    : BackgroundService
{
    private const int EntriesPerBatch = 5_000;

    private readonly ConcurrentDictionary<Guid, bool> _appended = new();

    /// <summary>Something was appended for the organisation.</summary>
    public void Note(Guid org) => _appended.TryAdd(org, true);

    /// <returns>The position applied: at least where the feed ended when this was called.</returns>
    public async Task<long> ToHead(Guid org, CancellationToken cancel)
    {
        long? goal = null;
        while (true)
        {
            await using var apply = relay.CreateCommand("SELECT applied, head FROM apply_feed($1, $2)");
            apply.Parameters.Add(new() { Value = org });
            apply.Parameters.Add(new() { Value = EntriesPerBatch });
            await using var row = await apply.ExecuteReaderAsync(cancel);
            await row.ReadAsync(cancel);
            var (applied, head) = (row.GetInt64(0), row.GetInt64(1));
            goal ??= head;
            if (applied >= goal)
            {
                return applied;
            }
        }
    }

    /// <summary>Applies whatever any replica appended.</summary>
    public async Task All(CancellationToken cancel)
    {
        List<Guid> behind = [];
        await using (var find = relay.CreateCommand("""
            SELECT h.org_id FROM feed_heads h LEFT JOIN feed_applied a USING (org_id) WHERE h.position > coalesce(a.position, 0)
            """))
        await using (var row = await find.ExecuteReaderAsync(cancel))
        {
            while (await row.ReadAsync(cancel))
            {
                behind.Add(row.GetGuid(0));
            }
        }

        foreach (var org in behind)
        {
            _appended.TryRemove(org, out _);
            await ToHead(org, cancel);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(options.Value.ApplyInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            foreach (var org in _appended.Keys)
            {
                _appended.TryRemove(org, out _);
                try
                {
                    await ToHead(org, stoppingToken);
                }
                catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
                {
                    // The next entry, or the next check of all, brings it up.
                    NotApplied(exception, org);
                }
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "The feed of {Org} was not applied, trying again later")]
    private partial void NotApplied(Exception exception, Guid org);
}
