using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Orders.Orders;

internal static class OrderLock
{
    /// <summary>Reads an order with its lines and holds it until the transaction ends: commands and decisions about it take turns.</summary>
    public static Task<Order?> Hold(this OrdersDb db, Guid id, CancellationToken cancel) =>
        db.Orders.FromSql($"SELECT * FROM orders WHERE org_id = (SELECT current_org()) AND id = {id} FOR UPDATE")
            .Include(x => x.Lines)
            .SingleOrDefaultAsync(cancel);
}
