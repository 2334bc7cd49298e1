using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.Orders.Orders;
using OpsPlatform.ServiceDefaults.Tenancy;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.Orders.Exports;

/// <summary>Starts writing a CSV file of orders and their lines. Operation-Location says where to follow it; its result holds the file's address.</summary>
internal static class StartOrderExport
{
    /// <param name="From">ISO 8601 with an offset; included.</param>
    /// <param name="To">Not included.</param>
    /// <param name="Statuses">Only orders of these states; all when left out.</param>
    public sealed record Request([property: Required] DateTimeOffset? From, [property: Required] DateTimeOffset? To, [property: MinLength(1), MaxLength(7)] IReadOnlyList<OrderStatus>? Statuses = null);

    /// <param name="Href">Where the file will be, for a week.</param>
    public sealed record Response(Guid OperationId, string OperationHref, string Href, string FileName);

    public static async Task<Results<Accepted<Response>, ProblemHttpResult>> Handle(
        Request request, OrdersDb db, Operations operations, Caller caller, TimeProvider time, HttpContext http, CancellationToken cancel)
    {
        var (from, to) = (request.From!.Value.ToUniversalTime(), request.To!.Value.ToUniversalTime());
        if (from >= to)
        {
            return Problems.EmptyRange();
        }

        var id = Guid.CreateVersion7(time.GetUtcNow());
        var selection = new OrderSelection(from, to, request.Statuses);
        var export = new OrderExport { OrgId = caller.Org, Id = id, FileName = $"orders-{from:yyyyMMdd'T'HHmm}-{to:yyyyMMdd'T'HHmm}.csv" };
        db.Add(export);
        operations.Add<WriteOrderExport, OrderSelection>(id, selection, new($"Orders from {from:u} to {to:u}", Context: selection, Tags: ["export"]));
        await db.SaveChangesAsync(cancel);
        operations.Wake();
        Operations.Point(http, id);
        return TypedResults.Accepted($"/operations/{id}", new Response(id, $"/operations/{id}", DownloadOrderExport.Href(id), export.FileName));
    }
}
