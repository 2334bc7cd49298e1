using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Npgsql;

namespace OpsPlatform.Sync.Feed;

/// <summary>Hands appended entries to the readers in this process: what is contiguous from memory, the rest from the table.</summary>
internal sealed partial class FeedHub(
    [FromKeyedServices("relay")] NpgsqlDataSource relay, FeedTrail trail, IOptions<SyncOptions> options, IHostApplicationLifetime lifetime, ILogger<FeedHub> log)
{
    private readonly ConcurrentDictionary<Guid, OrganisationFeed> _feeds = new();
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
            _ = Fill(org, feed);
        }
    }

    /// <summary>Another replica appended up to there: what is missing here is read from the table.</summary>
    public void Advance(Guid org, long upTo)
    {
        if (_feeds.TryGetValue(org, out var feed) && feed.IsBehind(upTo))
        {
            _ = Fill(org, feed);
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
                _ = Fill(org, feed);
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

    private async Task Fill(Guid org, OrganisationFeed feed)
    {
        if (!feed.TryBeginFilling())
        {
            return;
        }

        try
        {
            await using var connection = await relay.OpenConnectionAsync(lifetime.ApplicationStopping);
            FeedPage page;
            do
            {
                if (feed.BeginReading() is not { } position)
                {
                    feed.StopFilling();
                    return;
                }

                page = await FeedTable.ReadPage(
                    connection, org, position, FeedTable.MaxPage, FeedFilter.None, lifetime.ApplicationStopping);
                feed.TryDeliver(page.Batch with { Trail = trail.NoteRead(org, page.Batch.After, page.Batch.UpTo) });
            }
            while (!feed.TryEndFilling(page.Head.Position));
        }
        catch (Exception exception)
        {
            // Nobody awaits this. Nothing is lost: the next poll finds the head ahead again.
            feed.StopFilling();
            CannotRead(exception, org);
        }
    }

    [LoggerMessage(LogLevel.Warning, "The feed of {Org} could not be read, trying again at the next poll")]
    private partial void CannotRead(Exception exception, Guid org);
}
