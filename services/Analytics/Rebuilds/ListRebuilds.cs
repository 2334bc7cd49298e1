using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Analytics.Rebuilds;

/// <summary>The organisation's rebuilds, the latest first.</summary>
internal static class ListRebuilds
{
    internal sealed record Key(DateTimeOffset RequestedAt, Guid Id);

    public static async Task<Ok<Page<RebuildResponse>>> Handle(int? limit, string? cursor, AnalyticsDb db, CancellationToken cancel)
    {
        var size = Paging.Limit(limit);
        var rebuilds = db.Rebuilds.AsNoTracking();
        if (Paging.Decode<Key>(cursor) is { } after)
        {
            rebuilds = rebuilds.Where(x => EF.Functions.LessThan(ValueTuple.Create(x.RequestedAt, x.Id), ValueTuple.Create(after.RequestedAt, after.Id)));
        }

        var rows = await rebuilds.OrderByDescending(x => x.RequestedAt).ThenByDescending(x => x.Id).Take(size + 1).ToListAsync(cancel);
        return TypedResults.Ok(Paging.Cut([.. rows.Select(RebuildResponse.Of)], size, x => new Key(x.RequestedAt, x.Id)));
    }
}
