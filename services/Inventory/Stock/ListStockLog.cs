using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Inventory.Stock;

/// <summary>Stock movements, the newest first.</summary>
internal static class ListStockLog
{
    public static async Task<Page<StockLogResponse>> Handle(
        Guid? ingredientId, Guid? referenceId, Named<ChangeType>? changeType, int? limit, string? cursor, InventoryDb db, CancellationToken cancel)
    {
        var take = Paging.Limit(limit);
        var entries = db.StockLog.AsNoTracking();
        if (ingredientId is not null)
        {
            entries = entries.Where(x => x.IngredientId == ingredientId);
        }

        if (referenceId is not null)
        {
            entries = entries.Where(x => x.ReferenceId == referenceId);
        }

        if (changeType is { Value: var wanted })
        {
            entries = entries.Where(x => x.ChangeType == wanted);
        }

        if (Paging.Decode<long?>(cursor) is { } before)
        {
            entries = entries.Where(x => x.Seq < before);
        }

        var rows = await entries.OrderByDescending(x => x.Seq).Take(take + 1).ToListAsync(cancel);
        var page = Paging.Cut(rows, take, x => x.Seq);
        return new([.. page.Items.Select(StockLogResponse.Of)], page.NextCursor);
    }

    /// <summary>Of one ingredient; there is a log as long as there is an ingredient.</summary>
    public static async Task<Results<Ok<Page<StockLogResponse>>, NotFound>> HandleOfIngredient(
        Guid id, Named<ChangeType>? changeType, int? limit, string? cursor, InventoryDb db, CancellationToken cancel) =>
        await db.Ingredients.AnyAsync(x => x.Id == id, cancel)
            ? TypedResults.Ok(await Handle(id, null, changeType, limit, cursor, db, cancel))
            : TypedResults.NotFound();
}
