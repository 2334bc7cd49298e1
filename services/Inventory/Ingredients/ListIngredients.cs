using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Inventory.Ingredients;

/// <summary>In order of code; <c>q</c> is found anywhere in code or name, whatever its case.</summary>
internal static class ListIngredients
{
    private const string Escape = "\\";

    public static async Task<Page<IngredientResponse>> Handle(
        Named<IngredientKind>? kind, string? q, int? limit, string? cursor, InventoryDb db, CancellationToken cancel)
    {
        var take = Paging.Limit(limit);
        var after = Paging.Decode<string>(cursor);
        var found = db.Ingredients.AsNoTracking();
        if (kind is { Value: var wanted })
        {
            found = found.Where(x => x.Kind == wanted);
        }

        if (!string.IsNullOrEmpty(q))
        {
            var pattern = $"%{q.Replace(Escape, @"\\", StringComparison.Ordinal).Replace("%", @"\%", StringComparison.Ordinal).Replace("_", @"\_", StringComparison.Ordinal)}%";
            found = found.Where(x => EF.Functions.ILike(x.Code, pattern, Escape) || EF.Functions.ILike(x.Name, pattern, Escape));
        }

        if (after is not null)
        {
            found = found.Where(x => x.Code.CompareTo(after) > 0);
        }

        var rows = await found.OrderBy(x => x.Code).Take(take + 1).ToListAsync(cancel);
        return Paging.Cut([.. rows.Select(IngredientResponse.Of)], take, x => x.Code);
    }
}
