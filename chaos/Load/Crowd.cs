namespace OpsPlatform.Chaos.Load;

/// <summary>All who work while things break: the shops' callers, and one replay after the other.</summary>
internal sealed class Crowd : IAsyncDisposable
{
    private const int WorkersEach = 3;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _work;

    private Crowd(IReadOnlyList<Shop> shops, ReplayLoop replays, int seed, CancellationToken abort)
    {
        Shops = shops;
        Replays = replays;
        var workers = shops.SelectMany((shop, s) => Enumerable.Range(0, WorkersEach).Select(w => new Worker(shop, seed + (WorkersEach * s) + w).Run(_stop.Token, abort)));
        _work = Task.WhenAll(workers.Append(replays.Run(_stop.Token, abort)));
    }

    public IReadOnlyList<Shop> Shops { get; }

    public ReplayLoop Replays { get; }

    public int InFlight => Shops.Sum(shop => shop.Ledger.InFlight);

    public long Answered => Shops.Sum(shop => shop.Ledger.Answered);

    /// <summary>Somebody gave up or broke; the fault comes out of <see cref="Stop"/>.</summary>
    public bool HasFailed => _work.IsFaulted;

    public static async Task<Crowd> Gather(Uri gateway, int shops, int seed, CancellationToken abort)
    {
        var open = new List<Shop>();
        for (var i = 0; i < shops; i++)
        {
            open.Add(await Shop.Open(gateway, $"Shop {i + 1}", abort));
        }

        return new(open, new ReplayLoop(gateway), seed, abort);
    }

    /// <summary>Lets everybody finish what they have in hand.</summary>
    public async Task Stop()
    {
        await _stop.CancelAsync();
        await _work;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var shop in Shops)
        {
            shop.Dispose();
        }

        _stop.Dispose();
    }
}
