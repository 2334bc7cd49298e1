using System.Globalization;
using System.Net;
using OpsPlatform.Replay.Gateway;

namespace OpsPlatform.Replay.Reconcile;

internal sealed record FeedFigures(long Captured, long Entries, long Head, IReadOnlyDictionary<string, long> CapturedByService);

/// <summary>Compares the changes the services captured with the feed, and reads the feed from its earliest position to its head.</summary>
internal sealed class CheckFeed(GatewayClient client, TimeProvider clock, TimeSpan patience, Mismatches mismatches)
{
    private static readonly string[] Services = ["identity", "inventory", "orders", "sync", "analytics"];
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestQuiet = TimeSpan.FromSeconds(60);
    private const int PageSize = 200;
    private const int MostHolesListed = 20;

    public async Task<FeedFigures> Run(Func<int, Progress> start, CancellationToken cancel)
    {
        var (captured, feed) = await Settle(cancel);
        var sum = captured.Values.Sum(stats => stats.Captured);

        mismatches.Compare("captured changes of all services and feed entries", sum, feed.Entries);
        mismatches.Compare("the feed's entries and the positions up to its head", feed.Entries, feed.Head - feed.Earliest + 1);

        foreach (var (service, stats) in captured)
        {
            mismatches.Compare($"changes {service} captured and its feed entries", stats.Captured, EntriesOf(feed, service));
            mismatches.Compare($"changes {service} could not send", 0, stats.Failed);
            mismatches.Compare($"changes {service} has still to send", 0, stats.Pending);
        }

        var progress = start((int)Math.Min(feed.Entries, int.MaxValue));
        await Read(feed, progress, cancel);
        progress.Finish();

        return new FeedFigures(sum, feed.Entries, feed.Head, captured.ToDictionary(c => c.Key, c => c.Value.Captured));
    }

    private static long EntriesOf(FeedStats feed, string service) =>
        feed.Services.Where(s => s.Service == service).Sum(s => s.Entries);

    /// <summary>Waits until everything captured is in the feed, or nothing moves any more.</summary>
    private async Task<(Dictionary<string, ChangeStats> Captured, FeedStats Feed)> Settle(CancellationToken cancel)
    {
        var bound = patience < LongestQuiet ? patience : LongestQuiet;
        var lastMove = clock.GetTimestamp();
        var last = (-1L, -1L);

        while (true)
        {
            var captured = new Dictionary<string, ChangeStats>();

            foreach (var service in Services)
            {
                captured[service] = await client.Get<ChangeStats>($"{service}/changes/stats", cancel);
            }

            var feed = await client.Get<FeedStats>("sync/stats", cancel);
            var state = (captured.Values.Sum(s => s.Captured), feed.Entries);

            if (captured.All(c => c.Value.Pending == 0 && c.Value.Captured == EntriesOf(feed, c.Key)))
            {
                return (captured, feed);
            }

            if (state != last)
            {
                last = state;
                lastMove = clock.GetTimestamp();
            }
            else if (clock.GetElapsedTime(lastMove) >= bound)
            {
                return (captured, feed);
            }

            await Task.Delay(Interval, clock, cancel);
        }
    }

    private async Task Read(FeedStats feed, Progress progress, CancellationToken cancel)
    {
        var position = feed.Earliest - 1;
        var order = new FeedOrder(position);

        while (position < feed.Head)
        {
            var answer = await client.Send(
                HttpMethod.Get, string.Create(CultureInfo.InvariantCulture, $"sync/feed?after={position}&limit={PageSize}"), null, cancel);

            if (answer.Status == HttpStatusCode.Gone)
            {
                mismatches.Add($"the feed no longer begins at position {feed.Earliest}, so it cannot be checked for holes: {answer.Describe()}");
                return;
            }

            var page = answer.IsSuccess ? answer.Read<FeedPage>() : throw answer.Failure();

            if (page.Items.Count == 0)
            {
                break;
            }

            foreach (var frame in page.Items.TakeWhile(frame => frame.Position <= feed.Head))
            {
                order.Take(frame);
            }

            var next = page.Items[^1].Position;

            if (next <= position)
            {
                mismatches.Add($"the feed after position {position} answers position {next}");
                return;
            }

            position = next;
            progress.Set((int)Math.Min(Math.Min(position, feed.Head) - feed.Earliest + 1, int.MaxValue));
        }

        foreach (var fault in order.Faults(feed.Head).Take(MostHolesListed))
        {
            mismatches.Add(fault);
        }

        foreach (var (service, count) in order.Counts)
        {
            mismatches.Compare($"feed entries of {service}, counted and in /sync/stats", EntriesOf(feed, service), count);
        }
    }
}
