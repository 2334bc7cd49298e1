using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Bulk;

/// <summary>What became of each operation that a bulk operation is about, in the order in which it goes through them.</summary>
internal static class ListBulkItems
{
    /// <param name="Outcome">done, failed or skipped (there was nothing to do); null until its turn has come.</param>
    /// <param name="Error">Why it was not done.</param>
    public record BulkItemView(Guid Id, BulkOutcome? Outcome, string? Error);

    internal sealed record Key(Guid Id);

    public static async Task<Results<Ok<Page<BulkItemView>>, NotFound, ProblemHttpResult>> Handle(
        Guid id, int? limit, string? cursor, ClaimsPrincipal user, OperationsDb db, OperationReader reader, CancellationToken cancel)
    {
        var size = Paging.Limit(limit);
        var after = Paging.Decode<Key>(cursor)?.Id ?? Guid.Empty;
        if (await reader.RowOnceKnown(id, cancel) is not { } row)
        {
            return TypedResults.NotFound();
        }

        if (!Viewer.Of(user).Sees(row))
        {
            return Problems.NotYours();
        }

        var page = await db.BulkItems.AsNoTracking().Where(x => x.BulkId == id && x.OperationId.CompareTo(after) > 0).OrderBy(x => x.OperationId).Take(size + 1)
            .Select(x => new BulkItemView(x.OperationId, x.Outcome, x.Error)).ToListAsync(cancel);
        return TypedResults.Ok(Paging.Cut(page, size, x => new Key(x.Id)));
    }
}
