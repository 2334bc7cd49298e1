using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.ServiceDefaults.Tenancy;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.Inventory.Recipes;

/// <summary>
/// Asks for a recipe to be deleted with its history: it begins once two admins or owners beside the caller have agreed to it. Operation-Location
/// says where to follow it.
/// </summary>
internal static class StartRecipeDeletion
{
    /// <param name="Reason">For those who vote.</param>
    public sealed record Request([property: Required, StringLength(500, MinimumLength = 1)] string Reason);

    public static async Task<Results<Accepted<RecipeDeletion>, NotFound, ProblemHttpResult>> Handle(
        Guid id, Request request, InventoryDb db, Operations operations, Agreements agreements, Caller caller, TimeProvider time, HttpContext http, CancellationToken cancel)
    {
        if (await RecipeDeletion.Of(id, db, cancel) is not { } asked)
        {
            return TypedResults.NotFound();
        }

        // Asked before the transaction: it calls another service.
        if (await agreements.RefusalOf(asked.Plan(), cancel) is { } refusal)
        {
            return refusal;
        }

        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await SaveRecipe.Lock(db, caller.Org, cancel);
        if (await RecipeDeletion.Of(id, db, cancel) is not { } deletion)
        {
            return TypedResults.NotFound();
        }

        if (await DeleteRecipe.IsPartOfAnother(id, db, cancel))
        {
            return Problems.RecipeInUse();
        }

        if (await operations.UnderWay<DeleteRecipeWithHistory, DeleteRecipeWithHistory.Args>(id.ToString(), cancel) is { } other)
        {
            return Problems.DeletionUnderWay(other);
        }

        var operation = Guid.CreateVersion7(time.GetUtcNow());
        operations.Add<DeleteRecipeWithHistory, DeleteRecipeWithHistory.Args>(
            operation, new(id), new($"Delete '{deletion.Name}' and its history", "recipe", id.ToString(), new { request.Reason, deletion.Code, deletion.Versions }, ["deletion"]),
            deletion.Plan());
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        Operations.Point(http, operation);
        return TypedResults.Accepted($"/operations/{operation}", deletion);
    }
}
