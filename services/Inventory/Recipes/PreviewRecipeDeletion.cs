using Microsoft.AspNetCore.Http.HttpResults;

namespace OpsPlatform.Inventory.Recipes;

/// <summary>What deleting a recipe with its history would do; nothing is stored.</summary>
internal static class PreviewRecipeDeletion
{
    public static async Task<Results<Ok<RecipeDeletion>, NotFound>> Handle(Guid id, InventoryDb db, CancellationToken cancel) =>
        await RecipeDeletion.Of(id, db, cancel) is { } deletion ? TypedResults.Ok(deletion) : TypedResults.NotFound();
}
