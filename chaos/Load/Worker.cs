using System.Net;
using OpsPlatform.Replay.Gateway;

namespace OpsPlatform.Chaos.Load;

/// <summary>
/// Somebody at a shop's till, one request after another, as a good client makes them: each under an Idempotency-Key, sent again until it
/// is answered.
/// </summary>
internal sealed class Worker(Shop shop, int seed)
{
    private const int ShortestThoughtMs = 40;
    private const int LongestThoughtMs = 160;
    private const int RecentOrders = 40;
    private const int MostOfALine = 3;
    private const int OneLongActIn = 60;

    private const int ImportLines = 150;

    /// <summary>Several batches of Inventory's, so that there is a middle to be hurt in.</summary>
    private const int LongImportLines = 500;

    private readonly Random _random = new(seed);

    private sealed record Placed(Guid Id);

    private sealed record Entry(Guid IngredientId, decimal QuantityChanged);

    private sealed record Export(Guid OperationId);

    private sealed record Import(Guid Id, Guid? UndoOperationId);

    /// <summary>Until told to stop; the request under way is brought to its end.</summary>
    /// <exception cref="Replay.ServicesException">Nothing was answered for the whole patience.</exception>
    public async Task Run(CancellationToken stop, CancellationToken abort)
    {
        while (!stop.IsCancellationRequested)
        {
            await Act(abort);
            await Task.Delay(_random.Next(ShortestThoughtMs, LongestThoughtMs), abort);
        }
    }

    /// <summary>Places an order and waits for its decision; for who asks whether everything is back.</summary>
    public Task<Guid?> PlaceAndWait(CancellationToken cancel) => Place(patienceSeconds: 10, cancel);

    /// <summary>Starts as much that takes longer than a request as keeps both who work on it busy for a moment.</summary>
    public Task StartMuch(CancellationToken cancel) => Task.WhenAll(
        StartExport(cancel), StartImport(LongImportLines, cancel), StartExport(cancel), StartImport(LongImportLines, cancel));

    private Task Act(CancellationToken cancel) => _random.Next(OneLongActIn) == 0 ? Start(cancel) : _random.Next(100) switch
    {
        < 40 => Place(patienceSeconds: null, cancel),
        < 60 => Place(patienceSeconds: 5, cancel),
        < 70 => Follow("cancel", cancel),
        < 78 => Follow("complete", cancel),
        < 90 => Move(cancel),
        _ => Look(cancel),
    };

    private async Task<Guid?> Place(int? patienceSeconds, CancellationToken cancel)
    {
        var key = NextKey();
        var lines = shop.Menu.Where(_ => _random.Next(2) == 0).DefaultIfEmpty(shop.Menu[0])
            .Select(item => new { menuItemId = item.Id, quantity = _random.Next(1, MostOfALine + 1) }).ToArray();
        // The note carries the key, so that two orders for one key can be told from two orders.
        var answer = await Send("orders", new { lines, confirm = true, note = key }, key, cancel, patienceSeconds);
        if (answer.IsSuccess)
        {
            var order = answer.Read<Placed>().Id;
            shop.Ledger.Place(key, order);
            return order;
        }

        Expect(answer, "order-rejected");
        return null;
    }

    private async Task Follow(string what, CancellationToken cancel)
    {
        if (shop.Ledger.Recent(_random, RecentOrders) is { } order)
        {
            Expect(await Send($"orders/{order}/{what}", new { }, NextKey(), cancel), "order-state");
        }
    }

    private async Task Move(CancellationToken cancel)
    {
        var key = NextKey();
        var isDelivery = _random.Next(3) > 0;
        var ingredient = isDelivery ? shop.ScarceIngredient : shop.Ingredients[_random.Next(shop.Ingredients.Count)];
        var body = new
        {
            changeType = isDelivery ? "increase" : "decrease",
            quantity = isDelivery ? Shop.Delivery : _random.Next(1, 50),
            reason = key,
            referenceType = isDelivery ? "purchase" : "manual",
        };
        var answer = await Send($"ingredients/{ingredient}/stock", body, key, cancel);
        if (answer.IsSuccess)
        {
            var entry = answer.Read<Entry>();
            shop.Ledger.Moved[key] = (ingredient, entry.QuantityChanged);
            return;
        }

        Expect(answer, "not-enough-stock");
    }

    /// <summary>Starts work that takes longer than a request: nobody waits for it.</summary>
    private Task Start(CancellationToken cancel) => _random.Next(3) switch
    {
        0 => StartExport(cancel),
        1 => StartImport(ImportLines, cancel),
        _ => StartUndo(cancel),
    };

    private async Task StartExport(CancellationToken cancel)
    {
        var answer = await Send("orders/exports", new { from = DateTimeOffset.UnixEpoch, to = DateTimeOffset.UtcNow }, NextKey(), cancel);
        Expect(answer, "");
        if (answer.IsSuccess)
        {
            shop.Ledger.Started[answer.Read<Export>().OperationId] = 0;
        }
    }

    private async Task StartImport(int most, CancellationToken cancel)
    {
        var key = NextKey();
        var lines = Enumerable.Range(1, most).Select(line => new
        {
            code = Shop.Imported[line % Shop.Imported.Count],
            changeType = "increase",
            quantity = _random.Next(1, 50),
            // Each line its own, so that one that was done twice can be told.
            reason = $"{key} line {line}",
        }).ToArray();
        var answer = await Send("inventory/imports", new { lines }, key, cancel);
        Expect(answer, "");
        if (answer.IsSuccess)
        {
            var import = answer.Read<Import>().Id;
            shop.Ledger.Started[import] = 0;
            shop.Ledger.Imports.Enqueue(import);
        }
    }

    private async Task StartUndo(CancellationToken cancel)
    {
        if (!shop.Ledger.Imports.TryDequeue(out var import))
        {
            return;
        }

        var answer = await Send($"inventory/imports/{import}/undo", new { }, NextKey(), cancel);
        Expect(answer, "import-running");
        if (answer.IsSuccess)
        {
            shop.Ledger.Started[answer.Read<Import>().UndoOperationId!.Value] = 0;
        }
        else
        {
            shop.Ledger.Imports.Enqueue(import);
        }
    }

    private async Task Look(CancellationToken cancel)
    {
        var path = shop.Ledger.Recent(_random, RecentOrders) is { } order && _random.Next(2) == 0 ? $"orders/{order}" : "orders?limit=20";
        Expect(await shop.Ledger.Count(() => shop.Client.Send(HttpMethod.Get, path, null, cancel)), "");
    }

    private Task<Answer> Send(string path, object body, string key, CancellationToken cancel, int? patienceSeconds = null)
    {
        var headers = new Dictionary<string, string> { ["Idempotency-Key"] = key };
        if (patienceSeconds is { } seconds)
        {
            headers["Prefer"] = $"wait={seconds}";
        }

        return shop.Ledger.Count(() => shop.Client.Send(HttpMethod.Post, path, body, cancel, headers: headers));
    }

    private void Expect(Answer answer, string refusal)
    {
        if (!answer.IsSuccess && !(answer.Status == HttpStatusCode.Conflict && answer.Slug == refusal))
        {
            shop.Ledger.Refuse(answer);
        }
    }

    /// <summary>Not of the seed: a key of an earlier run would replay its answers.</summary>
    private static string NextKey() => Guid.NewGuid().ToString();
}
