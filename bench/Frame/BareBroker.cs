using System.Diagnostics;

namespace OpsPlatform.Bench.Frame;

/// <summary>What the broker does with nothing but a queue.</summary>
internal static class BareBroker
{
    private const int Unconfirmed = 8;

    /// <returns>The time of each message from before it is published until it is consumed, one at a time.</returns>
    public static async Task<Samples> OneByOne(BenchSystem system, int bytes, TimeSpan duration, CancellationToken cancel)
    {
        var next = new TaskCompletionSource();
        await using var queue = await BareQueue.Open(system, _ => next.TrySetResult(), cancel);
        var samples = new Samples();
        var started = Stopwatch.GetTimestamp();
        var body = new byte[bytes];
        while (Stopwatch.GetElapsedTime(started) < duration)
        {
            var sent = Stopwatch.GetTimestamp();
            next = new(TaskCreationOptions.RunContinuationsAsynchronously);
            await queue.Publish(body, cancel);
            await next.Task.WaitAsync(cancel);
            samples.Add(sent);
        }

        return samples;
    }

    /// <summary>As fast as one channel goes with several messages unconfirmed.</summary>
    /// <returns>Messages consumed a second.</returns>
    public static async Task<double> Rate(BenchSystem system, int bytes, TimeSpan duration, CancellationToken cancel)
    {
        await using var queue = await BareQueue.Open(system, _ => { }, cancel);
        var body = new byte[bytes];
        var started = Stopwatch.GetTimestamp();
        var sent = await Load.Closed(Unconfirmed, duration, async _ => await queue.Publish(body, cancel), cancel);
        while (queue.Consumed < sent)
        {
            await Task.Delay(1, cancel);
        }

        return sent / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
