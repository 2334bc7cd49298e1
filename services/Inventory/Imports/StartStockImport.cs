using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Tenancy;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.Inventory.Imports;

/// <summary>
/// Starts many movements of stock, line by line: a line that cannot be done is noted with the reason and holds up no other. Operation-Location says where to
/// follow it. The same id again is answered 409, the same Idempotency-Key as the first time.
/// </summary>
internal static class StartStockImport
{
    public static async Task<Results<Accepted<StockImportResponse>, ProblemHttpResult>> Handle(
        StockImportRequest request, InventoryDb db, Operations operations, Caller caller, TimeProvider time, HttpContext http, CancellationToken cancel)
    {
        var import = new StockImport
        {
            OrgId = caller.Org,
            Id = request.Id ?? Guid.CreateVersion7(time.GetUtcNow()),
            Note = request.Note,
            Total = request.Lines.Count,
            RequestedBy = caller.Actor,
            RequestedAt = time.GetUtcNow(),
        };
        if (await db.StockImports.AnyAsync(x => x.Id == import.Id, cancel))
        {
            return Problems.IdTaken(import.Id);
        }

        db.Add(import);
        db.AddRange(request.LinesOf(caller.Org, import.Id));
        operations.Add<ApplyStockImport, ImportArgs>(
            import.Id, new(import.Id), new($"Stock import of {import.Total} lines", "stock_import", import.Id.ToString(), new { request.Note, import.Total }, ["import"]));
        await db.SaveChangesAsync(cancel);
        operations.Wake();
        Operations.Point(http, import.Id);
        return TypedResults.Accepted($"/inventory/imports/{import.Id}", StockImportResponse.Of(import));
    }
}
