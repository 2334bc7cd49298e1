using System.Diagnostics;
using OpsPlatform.Chaos.Invariants;
using OpsPlatform.Chaos.Load;

namespace OpsPlatform.Chaos.Events;

/// <summary>Sees to it that an injury strikes while operations are worked on: most take less than a second.</summary>
internal sealed class OperationsAtWork(Books books)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(5);

    /// <returns>How many are worked on just now by the services that are hurt, or by Inventory when those work on none.</returns>
    public async Task<long> StartAndAwait(string victim, Shop shop, int seed, CancellationToken cancel)
    {
        await new Worker(shop, seed).StartMuch(cancel);
        var worker = victim.StartsWith("orders", StringComparison.Ordinal) ? "orders" : "inventory";
        var since = Stopwatch.GetTimestamp();
        while (true)
        {
            var atWork = await books.Number(worker, "SELECT count(*) FROM operation_work WHERE state = 'running'", cancel);
            if (atWork > 0 || Stopwatch.GetElapsedTime(since) > Patience)
            {
                return atWork;
            }

            await Task.Delay(Look, cancel);
        }
    }
}
