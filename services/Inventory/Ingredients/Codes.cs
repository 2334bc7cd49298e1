using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Inventory.Ingredients;

/// <summary>Codes are unique in an organisation; who sets one looks first, one at a time, so that a taken code is a refusal and no fault.</summary>
internal static class Codes
{
    /// <summary>Call before looking; ends with the transaction.</summary>
    public static Task Lock(InventoryDb db, Guid org, CancellationToken cancel) =>
        db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock(hashtextextended({"ingredient codes " + org}, 0))", cancel);
}
