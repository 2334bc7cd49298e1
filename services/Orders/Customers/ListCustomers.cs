using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Orders.Customers;

/// <summary>Customers in order of id: those who ordered first come first.</summary>
internal static class ListCustomers
{
    public static async Task<Ok<Page<CustomerView>>> Handle(int? limit, string? cursor, OrdersDb db, CancellationToken cancel)
    {
        var size = Paging.Limit(limit);
        var after = Paging.Decode<Guid?>(cursor) ?? Guid.Empty;
        var customers = await db.Customers
            .Where(x => x.Id > after)
            .OrderBy(x => x.Id)
            .Take(size + 1)
            .Select(x => new CustomerView(x.Id, x.Email, x.ExternalId, x.Name, x.RowVersion, x.CreatedAt, x.UpdatedAt))
            .ToListAsync(cancel);

        return TypedResults.Ok(Paging.Cut(customers, size, x => x.Id));
    }
}
