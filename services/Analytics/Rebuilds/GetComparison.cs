using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Analytics.Rebuilds;

/// <summary>
/// What was counted as it was heard beside what was counted anew, table by table. Equal means: the same rows, the same sums, the same
/// hash (the sum of all rows' 64-bit hashes, in whatever order they come) and no row that differs.
/// </summary>
internal static class GetComparison
{
    public const int MaxDifferences = 20;

    public sealed record Response(Guid RebuildId, bool IsEqual, DateTimeOffset ComparedAt, IReadOnlyList<Table> Tables);

    /// <param name="DifferingRows">How many keys have another row, or one on one side only.</param>
    /// <param name="Differences">The first 20 of them by key.</param>
    public sealed record Table(string Name, bool IsEqual, Count Incremental, Count Rebuilt, long DifferingRows, IReadOnlyList<Difference> Differences);

    /// <param name="Sums">Of the numbers of all rows.</param>
    public sealed record Count(long Rows, JsonElement Sums, string Hash);

    /// <param name="Incremental">The row as it was counted when heard; null where there is none.</param>
    /// <param name="Rebuilt">The row as it was counted anew; null where there is none.</param>
    public sealed record Difference(JsonElement Key, JsonElement? Incremental, JsonElement? Rebuilt);

    private sealed record Row(
        string Name,
        long IncrementalRows,
        long RebuiltRows,
        string IncrementalSums,
        string RebuiltSums,
        string IncrementalHash,
        string RebuiltHash,
        long DifferingRows,
        string Differences);

    public static async Task<Results<Ok<Response>, NotFound>> Handle(Guid id, AnalyticsDb db, CancellationToken cancel) =>
        await Of(await db.Rebuilds.AsNoTracking().SingleOrDefaultAsync(x => x.Id == id, cancel), db, cancel);

    /// <summary>Of the last rebuild that was compared.</summary>
    public static async Task<Results<Ok<Response>, NotFound>> HandleLatest(AnalyticsDb db, CancellationToken cancel) => await Of(
        await db.Rebuilds.AsNoTracking().Where(x => x.IsEqual != null).OrderByDescending(x => x.RequestedAt).FirstOrDefaultAsync(cancel), db, cancel);

    private static async Task<Results<Ok<Response>, NotFound>> Of(Rebuild? rebuild, AnalyticsDb db, CancellationToken cancel)
    {
        if (rebuild is not { IsEqual: { } isEqual, FinishedAt: { } comparedAt })
        {
            return TypedResults.NotFound();
        }

        var rows = await db.Database.SqlQuery<Row>(
            $"""
            SELECT name AS "Name", incremental_rows AS "IncrementalRows", rebuilt_rows AS "RebuiltRows", incremental_sums::text AS "IncrementalSums",
              rebuilt_sums::text AS "RebuiltSums", incremental_hash AS "IncrementalHash", rebuilt_hash AS "RebuiltHash",
              differing_rows AS "DifferingRows", differences::text AS "Differences"
            FROM rebuild_comparisons WHERE org_id = (SELECT current_org()) AND rebuild_id = {rebuild.Id} ORDER BY position
            """).ToListAsync(cancel);
        return TypedResults.Ok(new Response(rebuild.Id, isEqual, comparedAt, [.. rows.Select(Shown)]));
    }

    private static Table Shown(Row row) => new(
        row.Name,
        row.DifferingRows == 0 && row.IncrementalRows == row.RebuiltRows && row.IncrementalHash == row.RebuiltHash,
        new(row.IncrementalRows, JsonElement.Parse(row.IncrementalSums), row.IncrementalHash),
        new(row.RebuiltRows, JsonElement.Parse(row.RebuiltSums), row.RebuiltHash),
        row.DifferingRows,
        JsonSerializer.Deserialize<IReadOnlyList<Difference>>(row.Differences, JsonSerializerOptions.Web)!);
}
