using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Analytics.Rebuilds;

internal static class GetRebuild
{
    public static async Task<Results<Ok<RebuildResponse>, NotFound>> Handle(Guid id, AnalyticsDb db, CancellationToken cancel) =>
        await db.Rebuilds.AsNoTracking().SingleOrDefaultAsync(x => x.Id == id, cancel) is { } rebuild
            ? TypedResults.Ok(RebuildResponse.Of(rebuild))
            : TypedResults.NotFound();
}
