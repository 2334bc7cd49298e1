using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Inventory.Changes;

/// <summary>The lines of a change of many ingredients in their order, each with what became of it.</summary>
internal static class ListIngredientChanges
{
    /// <param name="Error">Why it was not done.</param>
    public sealed record IngredientChangeLine(int LineNo, string Code, decimal? ReorderPoint, decimal? UnitCostMinor, ChangeOutcome Outcome, string? Error);

    public static async Task<Results<Ok<Page<IngredientChangeLine>>, NotFound>> Handle(
        Guid id, Named<ChangeOutcome>? outcome, int? limit, string? cursor, InventoryDb db, CancellationToken cancel)
    {
        var lines = db.IngredientChanges.AsNoTracking().Where(x => x.OperationId == id);
        if (!await lines.AnyAsync(cancel))
        {
            return TypedResults.NotFound();
        }

        var size = Paging.Limit(limit);
        if (outcome is { Value: var wanted })
        {
            lines = lines.Where(x => x.Outcome == wanted);
        }

        if (Paging.Decode<int?>(cursor) is { } after)
        {
            lines = lines.Where(x => x.LineNo > after);
        }

        var page = await lines.OrderBy(x => x.LineNo).Take(size + 1)
            .Select(x => new IngredientChangeLine(x.LineNo, x.Code, x.ReorderPoint, x.UnitCostMinor, x.Outcome, x.Error)).ToListAsync(cancel);
        return TypedResults.Ok(Paging.Cut(page, size, x => x.LineNo));
    }
}
