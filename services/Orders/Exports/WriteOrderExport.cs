using Microsoft.EntityFrameworkCore;
using OpsPlatform.Orders.Orders;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.Orders.Exports;

/// <summary>
/// Writes the file part by part, by when orders occurred, each part with the place where the next begins. Orders are read as they are when their
/// part is written; none that is there from the start is missed or repeated.
/// </summary>
internal sealed class WriteOrderExport(OrdersDb db, TimeProvider time) : IDoOperation<OrderSelection>, ICompensate<OrderSelection>
{
    private const int OrdersAPart = 500;

    public static OperationKind Kind { get; } = new("orders.export", [new("Counting the orders"), new("Writing the file", 99, StepCancel.Compensating)])
    {
        Holds = new("exports", 2),
    };

    /// <param name="Last">The last order written.</param>
    private sealed record Place(long Total, int Parts = 0, long Orders = 0, long Lines = 0, long Bytes = 0, ListOrders.Key? Last = null);

    public async Task<object?> Do(OrderSelection args, Operation operation, CancellationToken cancel)
    {
        var orders = args.Of(db.Orders.AsNoTracking());
        var place = operation.Checkpoint<Place>() ?? new(await orders.LongCountAsync(cancel));
        await operation.Enter(2, cancel);
        while (true)
        {
            operation.Report(new(place.Orders, Math.Max(place.Total, place.Orders), Bytes: place.Bytes));
            var page = await Next(orders, place.Last).ToListAsync(cancel);
            if (page.Count == 0 && place.Parts > 0)
            {
                return await Finish(operation, place, cancel);
            }

            place = await Write(operation, place, page, cancel);
        }
    }

    /// <summary>Nobody reads half a file.</summary>
    public async Task Compensate(OrderSelection args, Operation operation, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.OrderExports.Where(x => x.Id == operation.Id).ExecuteDeleteAsync(cancel);
        await operation.Save(db, operation.Checkpoint<Place>() ?? new(0), cancel);
        await transaction.CommitAsync(cancel);
    }

    private static IQueryable<Order> Next(IQueryable<Order> orders, ListOrders.Key? last) =>
        (last is null ? orders : orders.Where(x => EF.Functions.GreaterThan(ValueTuple.Create(x.OccurredAt, x.Id), ValueTuple.Create(last.OccurredAt, last.Id))))
        .OrderBy(x => x.OccurredAt).ThenBy(x => x.Id).Take(OrdersAPart).Include(x => x.Lines);

    private async Task<Place> Write(Operation operation, Place place, List<Order> page, CancellationToken cancel)
    {
        var content = OrderCsv.Write(page, hasHeader: place.Parts == 0);
        var next = place with
        {
            Parts = place.Parts + 1,
            Orders = place.Orders + page.Count,
            Lines = place.Lines + page.Sum(order => order.Lines.Count),
            Bytes = place.Bytes + content.Length,
            Last = page.Count == 0 ? place.Last : new(page[^1].OccurredAt, page[^1].Id),
        };
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.Database.ExecuteSqlAsync($"INSERT INTO order_export_parts (export_id, no, content) VALUES ({operation.Id}, {place.Parts}, {content})", cancel);
        operation.Did("orders written to the file", next.Orders);
        await operation.Save(db, next, cancel);
        await transaction.CommitAsync(cancel);
        return next;
    }

    private async Task<object> Finish(Operation operation, Place place, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.Database.ExecuteSqlAsync($"UPDATE order_exports SET bytes = {place.Bytes} WHERE id = {operation.Id}", cancel);
        await operation.Save(db, place, cancel);
        await transaction.CommitAsync(cancel);
        return new { href = DownloadOrderExport.Href(operation.Id), place.Orders, place.Lines, place.Bytes, expiresAt = time.GetUtcNow() + OrderExport.Retention };
    }
}
