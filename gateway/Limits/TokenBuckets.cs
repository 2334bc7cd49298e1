using System.Collections.Concurrent;

namespace OpsPlatform.Gateway.Limits;

/// <summary>So many tokens a second sustained, so many at once.</summary>
internal readonly record struct TokenBucket(string Key, int PerSecond, int Burst);

/// <summary>
/// Token buckets by key. Of each the moment is kept at which it is full again (the generic cell rate algorithm), so that no timer fills any: the framework's
/// own limiters wake ten times a second while nobody calls.
/// </summary>
internal sealed class TokenBuckets(TimeProvider time)
{
    private static readonly TimeSpan ForgetInterval = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, long> _fullAt = [];
    private long _forgotAt = time.GetTimestamp();

    /// <returns>Null when a token was taken, else how long until there is one.</returns>
    public TimeSpan? Take(TokenBucket bucket)
    {
        var now = time.GetTimestamp();
        ForgetFull(now);
        var token = Math.Max(1, time.TimestampFrequency / bucket.PerSecond);
        while (true)
        {
            var isKnown = _fullAt.TryGetValue(bucket.Key, out var before);
            var after = Math.Max(now, before) + token;
            if (after - now > token * bucket.Burst)
            {
                return time.GetElapsedTime(now + (token * bucket.Burst), after);
            }

            if (isKnown ? _fullAt.TryUpdate(bucket.Key, after, before) : _fullAt.TryAdd(bucket.Key, after))
            {
                return null;
            }
        }
    }

    /// <summary>A full one is as good as none.</summary>
    private void ForgetFull(long now)
    {
        var before = Interlocked.Read(ref _forgotAt);
        if (time.GetElapsedTime(before, now) < ForgetInterval || Interlocked.CompareExchange(ref _forgotAt, now, before) != before)
        {
            return;
        }

        foreach (var full in _fullAt.Where(bucket => bucket.Value <= now))
        {
            _fullAt.TryRemove(full);
        }
    }
}
