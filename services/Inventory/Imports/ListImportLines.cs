using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Inventory.Stock;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Inventory.Imports;

/// <summary>An import's lines in their order, each with what became of it.</summary>
internal static class ListImportLines
{
    /// <param name="Error">Why it was not done, or not taken back.</param>
    public sealed record Response(
        int LineNo, string Code, ChangeType ChangeType, decimal Quantity, string? Reason, LineOutcome Outcome, string? Error, Guid? IngredientId, decimal? QuantityBefore, decimal? QuantityAfter);

    public static async Task<Results<Ok<Page<Response>>, NotFound>> Handle(
        Guid id, Named<LineOutcome>? outcome, int? limit, string? cursor, InventoryDb db, CancellationToken cancel)
    {
        if (!await db.StockImports.AnyAsync(x => x.Id == id, cancel))
        {
            return TypedResults.NotFound();
        }

        var size = Paging.Limit(limit);
        var lines = db.StockImportLines.AsNoTracking().Where(x => x.ImportId == id);
        if (outcome is { Value: var wanted })
        {
            lines = lines.Where(x => x.Outcome == wanted);
        }

        if (Paging.Decode<int?>(cursor) is { } after)
        {
            lines = lines.Where(x => x.LineNo > after);
        }

        var page = await lines.OrderBy(x => x.LineNo).Take(size + 1)
            .Select(x => new Response(x.LineNo, x.Code, x.ChangeType, x.Quantity, x.Reason, x.Outcome, x.Error, x.IngredientId, x.QuantityBefore, x.QuantityAfter))
            .ToListAsync(cancel);
        return TypedResults.Ok(Paging.Cut(page, size, x => x.LineNo));
    }
}
