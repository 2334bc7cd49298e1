using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Inventory.Recipes;

/// <summary>What deleting a recipe with its history would do: nothing brings it back.</summary>
/// <param name="IsListed">False when the recipe itself was deleted before and only its history is left.</param>
/// <param name="Versions">Of the history; the recipe as it is now becomes the last one.</param>
/// <param name="Since">When the oldest version began.</param>
internal sealed record RecipeDeletion(Guid RecipeId, string Code, string Name, bool IsListed, int Versions, DateTimeOffset Since, long LastVersion, bool CannotBeUndone = true)
{
    private const int Many = 1000;

    /// <summary>Two admins or owners beside who asks; many versions need an owner among them.</summary>
    private static readonly ApprovalPolicy Policy = new(
        [new("managers", 2, Roles: [Roles.Admin, Roles.Owner])],
        ReminderMinutes: 24 * 60,
        Levels: [new([new("owners", 1, Roles: [Roles.Owner], HasVeto: true)], Deletions: Many)]);

    /// <returns>Null when there is neither the recipe nor anything of its history.</returns>
    public static async Task<RecipeDeletion?> Of(Guid id, InventoryDb db, CancellationToken cancel)
    {
        var versions = db.RecipeVersions.AsNoTracking().Where(x => x.RecipeId == id);
        var recipe = await db.Recipes.AsNoTracking().SingleOrDefaultAsync(x => x.Id == id, cancel);
        var (first, last) = (await versions.OrderBy(x => x.RowVersion).FirstOrDefaultAsync(cancel), await versions.OrderByDescending(x => x.RowVersion).FirstOrDefaultAsync(cancel));
        return recipe is null && last is null ? null : new(
            id, recipe?.Code ?? last!.Code, recipe?.Name ?? last!.Name, recipe is not null, await versions.CountAsync(cancel),
            first?.ValidFrom ?? recipe!.UpdatedAt, recipe?.RowVersion ?? last!.RowVersion);
    }

    public OperationPlan Plan()
    {
        var effect = JsonSerializer.Serialize(this, Json.Options);
        var records = Versions + (IsListed ? 1 : 0);
        return new(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(effect))), effect, Policy, records, Deletions: records);
    }
}
