using OpsPlatform.Replay.Gateway;

namespace OpsPlatform.Replay.Play;

/// <summary>Waits until no order of the organisation is still being decided.</summary>
internal sealed class AwaitDecisions(GatewayClient client, TimeProvider clock, TimeSpan patience)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    /// <param name="placedBefore">Orders that lay there unconfirmed before the replay began; nobody decides those.</param>
    /// <param name="start">Begins showing the progress of so many undecided orders.</param>
    /// <exception cref="ServicesException">Nothing was decided for the whole patience.</exception>
    public async Task Run(int placedBefore, Func<int, Progress> start, CancellationToken cancel)
    {
        var open = await Open(placedBefore, cancel);
        var total = open;
        var progress = start(total);
        var lastProgress = clock.GetTimestamp();

        while (open > 0)
        {
            await Task.Delay(Interval, clock, cancel);
            var now = await Open(placedBefore, cancel);

            if (now < open)
            {
                lastProgress = clock.GetTimestamp();
            }
            else if (clock.GetElapsedTime(lastProgress) >= patience)
            {
                throw new ServicesException(
                    $"{now:N0} orders are still undecided and none was decided for {patience.TotalSeconds:0} s. Look at ./run status and ./run errors.");
            }

            open = now;
            progress.Set(Math.Max(0, total - open));
        }

        progress.Finish();
    }

    private async Task<int> Open(int placedBefore, CancellationToken cancel)
    {
        var summary = await client.Get<OrderSummary>("orders/summary", cancel);

        return summary.Confirming + summary.Cancelling + Math.Max(0, summary.Placed - placedBefore);
    }
}
