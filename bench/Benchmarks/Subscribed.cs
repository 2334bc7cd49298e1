using System.Collections.Concurrent;
using System.Diagnostics;
using OpsPlatform.Bench.Frame;

namespace OpsPlatform.Bench.Benchmarks;

/// <summary>Subscribers read while a writer commits at a fixed rate; what reached them is counted against what was committed.</summary>
internal static class Subscribed
{
    private const string Path = "/sync/feed?stream=1";
    private const int WarmUpShare = 5;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    internal sealed record Rate(double PerSecond, TimeSpan Duration, int MaxWaiting);

    /// <param name="Frames">Delivered while the writers wrote.</param>
    /// <param name="Lost">Changes that some subscriber never got, and positions passed over.</param>
    /// <param name="Unwritten">Changes that were due while too many writers waited.</param>
    /// <param name="FrameBytes">Of one frame.</param>
    /// <param name="Profile">By change.</param>
    internal sealed record Seen(
        Samples Latency, Samples Commits, long Frames, long Lost, long Unwritten, double Seconds, int FrameBytes, Profile Profile);

    /// <param name="target">The organisation and row of the nth change; every tenant gets an equal share.</param>
    public static async Task<Seen> Measure(
        Session session, BenchSystem system, IReadOnlyList<Tenant> tenants, int each, ChangeWriter writer, Rate rate,
        Func<int, (Guid Org, Guid Row)> target, string phase)
    {
        var total = (int)(rate.PerSecond * (rate.Duration + (rate.Duration / WarmUpShare)).TotalSeconds) + 16;
        var marks = new Marks(total);
        var changesOf = new ConcurrentDictionary<Guid, int>();
        var readers = await FeedReader.Open(tenants.Count * each, i => (tenants[i / each].Client, Path), marks, session.Cancel);
        var sent = 0;
        async Task Change(long due)
        {
            var (org, row) = target(Interlocked.Increment(ref sent));
            changesOf.AddOrUpdate(org, 1, (_, count) => count + 1);
            await writer.Change(org, row, marks, session.Cancel);
        }

        try
        {
            await Load.Open(rate.PerSecond, rate.Duration / WarmUpShare, Change, rate.MaxWaiting, session.Cancel);
            await Arrived();
            var before = readers.Sum(reader => reader.Received);
            foreach (var reader in readers)
            {
                reader.Forget();
            }

            writer.ForgetCommits();
            var seconds = 0.0;
            long unwritten = 0;
            var profile = await session.Watch(system, phase, async () =>
            {
                var started = Stopwatch.GetTimestamp();
                unwritten = await Load.Open(rate.PerSecond, rate.Duration, Change, rate.MaxWaiting, session.Cancel);
                seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            }, () => new("change", writer.Commits.Count));
            var delivered = readers.Sum(reader => reader.Received) - before;
            var missing = await Arrived();
            var holes = readers.Sum(reader => reader.Holes);
            if (missing != 0 || holes != 0)
            {
                Console.WriteLine($"    {missing} frames are missing and {holes} positions were passed over, at {readers.Count(reader => reader.Holes != 0)} of {readers.Length} subscribers");
            }

            if (readers.Sum(reader => reader.Returns) is > 0 and var returns)
            {
                Console.WriteLine($"    {readers.Count(reader => reader.Returns > 0)} of {readers.Length} subscribers were told to come again or cut off, and came again, {returns} times in all");
            }

            return new(FeedReader.LatencyOf(readers), writer.Commits, delivered, missing + holes, unwritten, seconds, readers[0].FrameBytes, profile);
        }
        finally
        {
            foreach (var reader in readers)
            {
                reader.Dispose();
            }
        }

        async Task<long> Arrived()
        {
            var since = Stopwatch.GetTimestamp();
            while (true)
            {
                var missing = readers.Select((reader, i) => (long)changesOf.GetValueOrDefault(tenants[i / each].Id) - reader.Received).Sum();
                if (missing == 0 || Stopwatch.GetElapsedTime(since) > Patience)
                {
                    return missing;
                }

                await Task.Delay(50, session.Cancel);
            }
        }
    }
}
