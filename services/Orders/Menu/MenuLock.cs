using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Orders.Menu;

internal static class MenuLock
{
    /// <summary>
    /// Call first in the transaction; ends with it. What writes an organisation's menu takes turns with what is heard about its
    /// recipes, so that no item is stored by what was true before.
    /// </summary>
    public static Task Take(OrdersDb db, Guid org, CancellationToken cancel) =>
        db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock(hashtextextended({"menu " + org}, 0))", cancel);
}
