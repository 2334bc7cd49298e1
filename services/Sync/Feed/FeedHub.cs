using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Npgsql;

namespace OpsPlatform.Sync.Feed;

/// <summary>Hands appended entries to the readers in this process: what is contiguous from memory, the rest from the table.</summary>
internal sealed partial class FeedHub(
    [FromKeyedServices("relay")] NpgsqlDataSource relay, FeedTrail trail, IOptions<SyncOptions> options, IHostApplicationLifetime lifetime, ILogger<FeedHub> log)
{
    /// <summary>Read by one statement at most.</summary>
    private const int MaxOrganisations = 100;

    private readonly ConcurrentDictionary<Guid, OrganisationFeed> _feeds = new();
    private readonly Lock _reading = new();
    private readonly List<(Guid Org, OrganisationFeed Feed)> _toRead = [];
    private bool _isReading;
    private readonly Lock _admission = new();
    private readonly Dictionary<Guid, int> _perOrganisation = [];
    private readonly Dictionary<(Guid, string), int> _perUser = [];

    /// <returns>Null when the organisation or the user has all the streams it may have.</returns>
    public Subscription? TryEnter(Guid org, string user)
    {
        lock (_admission)
        {
            if (_perOrganisation.GetValueOrDefault(org) >= options.Value.StreamsPerOrganisation
                || _perUser.GetValueOrDefault((org, user)) >= options.Value.StreamsPerUser)
            {
                return null;
            }

            Count(_perOrganisation, org, 1);
            Count(_perUser, (org, user), 1);
            return new(this, org, user, options.Value.SubscriberFrames);
        }
    }

    /// <summary>True when a batch appended just now has somebody to go to. Who attaches later reads it from the table.</summary>
    public bool HasReaders(Guid org) => _feeds.ContainsKey(org);

    /// <summary>Call it after the commit.</summary>
    public void Deliver(Guid org, FrameBatch batch)
    {
        if (_feeds.TryGetValue(org, out var feed) && !feed.TryDeliver(batch))
        {
            Fill(org, feed);
        }
    }

    /// <summary>Another replica appended up to there: what is missing here is read from the table.</summary>
    public void Advance(Guid org, long upTo)
    {
        if (_feeds.TryGetValue(org, out var feed) && feed.IsBehind(upTo))
        {
            Fill(org, feed);
        }
    }

    /// <summary>Finds what other replicas appended without being heard.</summary>
    public async Task Follow(CancellationToken cancel)
    {
        // Noted before the heads are read: a head below it went back, and was not merely read early.
        var noted = _feeds.Select(pair => (Org: pair.Key, Feed: pair.Value, pair.Value.Position)).Where(x => x.Position is not null).ToArray();
        if (noted.Length == 0)
        {
            return;
        }

        await using var connection = await relay.OpenConnectionAsync(cancel);
        var heads = await FeedTable.ReadHeads(connection, [.. noted.Select(x => x.Org)], cancel);
        foreach (var (org, feed, position) in noted)
        {
            var head = heads.GetValueOrDefault(org, FeedHead.Empty).Position;
            if (head < position)
            {
                feed.StartAgain();
            }
            else if (head > feed.Position)
            {
                Fill(org, feed);
            }
        }
    }

    public OrganisationFeed Attach(Subscription subscription)
    {
        lock (_admission)
        {
            var feed = _feeds.GetOrAdd(subscription.Org, _ => new());
            feed.Attach(subscription);
            return feed;
        }
    }

    public void Leave(Subscription subscription)
    {
        lock (_admission)
        {
            Count(_perOrganisation, subscription.Org, -1);
            Count(_perUser, (subscription.Org, subscription.User), -1);
            if (_feeds.TryGetValue(subscription.Org, out var feed) && feed.Detach(subscription))
            {
                _feeds.TryRemove(subscription.Org, out _);
            }
        }
    }

    private static void Count<TKey>(Dictionary<TKey, int> counts, TKey key, int change)
        where TKey : notnull
    {
        var count = counts.GetValueOrDefault(key) + change;
        if (count == 0)
        {
            counts.Remove(key);
        }
        else
        {
            counts[key] = count;
        }
    }

    private void Fill(Guid org, OrganisationFeed feed)
    {
        if (feed.TryBeginFilling())
        {
            Enqueue([(org, feed)]);
        }
    }

    /// <summary>What comes while the table is read waits, and is then read together: one statement for however many organisations.</summary>
    private void Enqueue(IReadOnlyCollection<(Guid Org, OrganisationFeed Feed)> feeds)
    {
        lock (_reading)
        {
            _toRead.AddRange(feeds);
            if (_isReading || _toRead.Count == 0)
            {
                return;
            }

            _isReading = true;
        }

        _ = ReadAll();
    }

    private async Task ReadAll()
    {
        while (TakeToRead() is { Length: > 0 } feeds)
        {
            var unread = feeds.ToHashSet();
            try
            {
                await Read(feeds, unread, lifetime.ApplicationStopping);
            }
            catch (Exception exception)
            {
                // Nobody awaits this. Nothing is lost: the next poll finds the heads ahead again.
                foreach (var (_, feed) in unread)
                {
                    feed.StopFilling();
                }

                CannotRead(exception, unread.Count);
            }
        }
    }

    private (Guid Org, OrganisationFeed Feed)[] TakeToRead()
    {
        lock (_reading)
        {
            var taken = _toRead.Take(MaxOrganisations).ToArray();
            _toRead.RemoveRange(0, taken.Length);
            _isReading = taken.Length > 0;
            return taken;
        }
    }

    /// <param name="unread">Those that are not through with yet.</param>
    private async Task Read((Guid Org, OrganisationFeed Feed)[] feeds, HashSet<(Guid Org, OrganisationFeed Feed)> unread, CancellationToken cancel)
    {
        List<((Guid Org, OrganisationFeed Feed) Of, long From)> wanted = [];
        foreach (var feed in feeds)
        {
            if (feed.Feed.BeginReading() is { } from)
            {
                wanted.Add((feed, from));
                continue;
            }

            feed.Feed.StopFilling();
            unread.Remove(feed);
        }

        var pages = await FeedTable.ReadPages(relay, [.. wanted.Select(x => (x.Of.Org, x.From))], cancel);
        List<(Guid Org, OrganisationFeed Feed)> behind = [];
        foreach (var ((of, _), page) in wanted.Zip(pages))
        {
            of.Feed.TryDeliver(page.Batch with { Trail = trail.NoteRead(of.Org, page.Batch.After, page.Batch.UpTo) });
            unread.Remove(of);
            if (!of.Feed.TryEndFilling(page.Head.Position))
            {
                behind.Add(of);
            }
        }

        Enqueue(behind);
    }

    [LoggerMessage(LogLevel.Warning, "The feeds of {Count} organisations could not be read, trying again at the next poll")]
    private partial void CannotRead(Exception exception, int count);
}
