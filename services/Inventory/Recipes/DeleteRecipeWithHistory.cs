using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Tenancy;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.Inventory.Recipes;

/// <summary>Deletes a recipe and then its versions, the oldest first, if that is still what was agreed to.</summary>
internal sealed class DeleteRecipeWithHistory(InventoryDb db, Caller caller) : IDoOperation<DeleteRecipeWithHistory.Args>
{
    private const int VersionsAtOnce = 500;

    public sealed record Args(Guid RecipeId);

    private sealed record Place(int Total, int Deleted);

    public static OperationKind Kind { get; } = new("inventory.delete_recipe", [new("Deleting the recipe"), new("Deleting its history", 9, StepCancel.Final)], 5);

    public async Task<object?> Do(Args args, Operation operation, CancellationToken cancel)
    {
        var place = operation.Checkpoint<Place>() ?? await DeleteTheRecipe(args.RecipeId, operation, cancel);
        await operation.Enter(2, cancel);
        while (place.Deleted < place.Total)
        {
            operation.Report(new(place.Deleted, place.Total));
            place = await DeleteVersions(args.RecipeId, place, operation, cancel);
        }

        operation.Report(new(place.Deleted, place.Total));
        return new { versionsDeleted = place.Deleted };
    }

    /// <summary>What the recipe was stays in its history until that is deleted.</summary>
    private async Task<Place> DeleteTheRecipe(Guid id, Operation operation, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await SaveRecipe.Lock(db, caller.Org, cancel);
        var deletion = await RecipeDeletion.Of(id, db, cancel) ?? throw new OperationRefusedException("The recipe and its history are gone already.");
        if (await DeleteRecipe.IsPartOfAnother(id, db, cancel))
        {
            throw new OperationRefusedException("Another recipe contains it by now. Take it out of every recipe and ask again.");
        }

        var plan = deletion.Plan();
        if (plan.Digest != operation.ApprovedDigest)
        {
            throw new OperationReplannedException(plan);
        }

        await DeleteRecipe.Delete(id, db, cancel);
        db.MayFlipAvailability = true;
        var place = new Place(await db.RecipeVersions.CountAsync(x => x.RecipeId == id, cancel), 0);
        operation.Did("recipe deleted", 1);
        await operation.Save(db, place, cancel);
        await transaction.CommitAsync(cancel);
        return place;
    }

    private async Task<Place> DeleteVersions(Guid id, Place place, Operation operation, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var deleted = await db.Database.ExecuteSqlAsync(
            $"""
            DELETE FROM recipe_versions WHERE recipe_id = {id} AND row_version IN (
              SELECT row_version FROM recipe_versions WHERE recipe_id = {id} ORDER BY row_version LIMIT {VersionsAtOnce})
            """,
            cancel);
        var next = place with { Deleted = deleted == 0 ? place.Total : place.Deleted + deleted };
        operation.Did("versions deleted", next.Deleted);
        await operation.Save(db, next, cancel);
        await transaction.CommitAsync(cancel);
        return next;
    }
}
