using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.ServiceDefaults.Database;

/// <summary>
/// Stands behind wake-ups and notices for those who rest: one statement for all of them asks now and then whether anything waits in the tables that nobody in
/// this process was told of.
/// </summary>
internal sealed partial class Lookout(ServiceDatabase database, RelaySettings settings, TimeProvider time, ILogger<Lookout> log) : BackgroundService
{
    /// <summary>Who rests looks by itself so often all the same.</summary>
    public static readonly TimeSpan LongestRest = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan MaxInterval = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, (long From, Action Wake)> _asked = [];

    private TimeSpan Interval => settings.Interval < MaxInterval ? settings.Interval : MaxInterval;

    /// <summary>Wakes once, as soon as that is found; ask again before resting again.</summary>
    /// <param name="rows">A SELECT without columns that finds something, by an index and in the relay's role.</param>
    /// <param name="within">So soon it is found; a second at most counts.</param>
    /// <param name="wake">Must return at once. Also called when nobody can look: who works finds out why.</param>
    public void Ask(string rows, TimeSpan within, Action wake)
    {
        var from = time.GetTimestamp() + (long)((within - Interval).TotalSeconds * time.TimestampFrequency);
        // Others ask the same: who asks often must not put off who asked before.
        _asked.AddOrUpdate(rows, (from, wake), (_, asked) => (Math.Min(asked.From, from), wake));
    }

    /// <summary>Who asked is at work, and looks by itself.</summary>
    public void Forget(string rows) => _asked.TryRemove(rows, out _);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            var now = time.GetTimestamp();
            string[] due = [.. _asked.Where(one => one.Value.From <= now).Select(one => one.Key).Order(StringComparer.Ordinal)];
            try
            {
                Wake(due.Length == 0 ? [] : await Found(due, stoppingToken));
            }
            catch (Exception fault) when (!stoppingToken.IsCancellationRequested)
            {
                NotLooked(fault.Message);
                Wake(due);
            }
        }
    }

    private async Task<List<string>> Found(string[] due, CancellationToken cancel)
    {
        await using var look = database.Relay.CreateCommand($"SELECT {string.Join(", ", due.Select(rows => $"EXISTS ({rows})"))}");
        await using var row = await look.ExecuteReaderAsync(cancel);
        await row.ReadAsync(cancel);
        return [.. due.Where((_, place) => row.GetBoolean(place))];
    }

    private void Wake(IEnumerable<string> found)
    {
        foreach (var rows in found)
        {
            if (_asked.TryRemove(rows, out var asked))
            {
                asked.Wake();
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "Nobody could look for what waits: {Reason}")]
    private partial void NotLooked(string reason);
}
