using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Orders.Menu;

namespace OpsPlatform.Orders.Orders;

/// <summary>What becomes of a request to order, given what is known.</summary>
internal static class OrderTaking
{
    /// <returns>What becomes of a request without a new order; null when there is to be one.</returns>
    public static async Task<Placement?> Settled(OrdersDb db, OrderRequest request, OrderLook known)
    {
        if (request.Key is { } key && known.ByKey.TryGetValue(key, out var answer))
        {
            return new(null, ByKey: answer);
        }

        var draft = request.Draft;
        if (known.StoredHashes.TryGetValue(draft.Id, out var stored))
        {
            return stored.AsSpan().SequenceEqual(draft.ContentHash)
                ? new(await db.Orders.AsNoTracking().Include(x => x.Lines).FirstAsync(x => x.Id == draft.Id))
                : new(null, Refusal: Problems.IdTaken(draft.Id));
        }

        return Refusal(draft, known) is { } refusal ? new(null, Refusal: refusal) : null;
    }

    private static ProblemHttpResult? Refusal(OrderDraft draft, OrderLook known)
    {
        var unknown = draft.Lines.Where(line => !known.Menu.ContainsKey(line.MenuItemId)).Select(line => line.MenuItemId).ToArray();
        if (unknown.Length > 0)
        {
            return Problems.UnknownMenuItem(unknown);
        }

        var currencies = draft.Lines.Select(line => known.Menu[line.MenuItemId].Currency).Distinct().ToArray();
        if (currencies.Length > 1)
        {
            return Problems.MixedCurrencies(currencies);
        }

        // 200 lines of 10,000 pieces at the highest price stay far inside 128 bits.
        var total = draft.Lines.Aggregate(Int128.Zero, (sum, line) => sum + ((Int128)known.Menu[line.MenuItemId].PriceMinor * line.Quantity));
        return total > long.MaxValue ? Problems.OrderTooLarge() : null;
    }

    public static Order Write(OrderDraft draft, Guid org, long number, OrderLook known)
    {
        var lines = draft.Lines.Select((line, index) => Line(draft.Id, index + 1, line.Quantity, known.Menu[line.MenuItemId])).ToList();
        var order = new Order
        {
            OrgId = org,
            Id = draft.Id,
            Number = number,
            CustomerId = known.CustomerOrNew(draft),
            Currency = known.Menu[draft.Lines[0].MenuItemId].Currency,
            TotalMinor = lines.Sum(line => line.TotalMinor),
            Note = draft.Note,
            NeedsStock = lines.Exists(line => line.Kind != MenuKind.Service),
            ContentHash = draft.ContentHash,
            OccurredAt = draft.OccurredAt,
            PlacedAt = draft.PlacedAt,
            Lines = lines,
        };
        if (draft.Confirm)
        {
            order.TryConfirm(Guid.CreateVersion7(draft.PlacedAt), draft.PlacedAt);
        }

        return order;
    }

    private static OrderLine Line(Guid orderId, int lineNo, int quantity, MenuItem item) => new()
    {
        OrgId = item.OrgId,
        OrderId = orderId,
        LineNo = lineNo,
        MenuItemId = item.Id,
        Name = item.Name,
        Kind = item.Kind,
        TargetId = item.TargetId,
        PiecesPerSale = item.PiecesPerSale,
        Quantity = quantity,
        UnitPriceMinor = item.PriceMinor,
        TotalMinor = item.PriceMinor * quantity,
        TaxClass = item.TaxClass,
        Category = item.Category,
    };
}
