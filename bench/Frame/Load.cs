using System.Diagnostics;

namespace OpsPlatform.Bench.Frame;

/// <summary>The two ways to load a system.</summary>
internal static class Load
{
    /// <summary>So many callers, each of which calls again as soon as it was answered: finds the most the system does.</summary>
    /// <returns>The calls that ended.</returns>
    public static async Task<long> Closed(int callers, TimeSpan duration, Func<int, Task> call, CancellationToken cancel)
    {
        long calls = 0;
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(
            async () =>
            {
                while (Stopwatch.GetElapsedTime(started) < duration && !cancel.IsCancellationRequested)
                {
                    await call(caller);
                    Interlocked.Increment(ref calls);
                }
            },
            cancel)));
        cancel.ThrowIfCancellationRequested();
        return calls;
    }

    /// <summary>
    /// So many calls a second whether or not the earlier ones were answered: finds how long callers wait. A call gets the time it
    /// was due, so that a system that stands still cannot hide the calls it held up; the timer adds up to a millisecond.
    /// </summary>
    /// <param name="maxWaiting">Calls unanswered at once; what comes due above it is not sent.</param>
    /// <returns>The calls that were not sent. Any at all says that the system cannot bear the rate.</returns>
    public static async Task<long> Open(double perSecond, TimeSpan duration, Func<long, Task> call, int maxWaiting, CancellationToken cancel)
    {
        var interval = Stopwatch.Frequency / perSecond;
        var started = Stopwatch.GetTimestamp();
        var total = (long)(duration.TotalSeconds * perSecond);
        var waiting = 0;
        long unsent = 0;
        var ended = new List<Task>();
        for (long sent = 0; sent < total;)
        {
            var now = Stopwatch.GetTimestamp();
            for (; sent < total && started + (long)(sent * interval) <= now; sent++)
            {
                if (Volatile.Read(ref waiting) >= maxWaiting)
                {
                    unsent++;
                    continue;
                }

                Interlocked.Increment(ref waiting);
                ended.Add(Counted(started + (long)(sent * interval)));
            }

            await Task.Delay(1, cancel);
        }

        await Task.WhenAll(ended).WaitAsync(cancel);
        return unsent;

        async Task Counted(long due)
        {
            await Task.Yield();
            try
            {
                await call(due);
            }
            finally
            {
                Interlocked.Decrement(ref waiting);
            }
        }
    }
}
