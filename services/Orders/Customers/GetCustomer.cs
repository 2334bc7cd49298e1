using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Orders.Customers;

internal static class GetCustomer
{
    public static async Task<Results<Ok<CustomerView>, NotFound>> Handle(Guid id, OrdersDb db, CancellationToken cancel) =>
        await db.Customers
            .Where(x => x.Id == id)
            .Select(x => new CustomerView(x.Id, x.Email, x.ExternalId, x.Name, x.RowVersion, x.CreatedAt, x.UpdatedAt))
            .FirstOrDefaultAsync(cancel) is { } customer
                ? TypedResults.Ok(customer)
                : TypedResults.NotFound();
}
