using System.Numerics;
using OpsPlatform.ServiceDefaults.Consistency;

namespace OpsPlatform.Sync.Consistency;

/// <summary>What a comparison found, with the numbers of both sides.</summary>
/// <param name="Mismatching">Proven rows; more than are listed only when there were too many to look at each.</param>
/// <param name="Position">The feed was applied up to here when its side was read.</param>
/// <param name="Waited">For queues to drain.</param>
internal sealed record Comparison(
    TableKey Table, string TableName, RowDigest Source, RowDigest Feed, long Mismatching, long InFlight, IReadOnlyList<Mismatch> Mismatches, long Position, TimeSpan Waited)
{
    /// <summary>1 when every row agrees, 0 when none does.</summary>
    public double Score => ScoreOf(Mismatching, Math.Max(Source.Rows, Feed.Rows));

    public static double ScoreOf(long mismatching, long total) => mismatching == 0 ? 1 : Math.Max(0, 1 - ((double)mismatching / Math.Max(total, mismatching)));

    public static Comparison Equal(TableKey table, string tableName, RowDigest source, RowDigest feed, long position) =>
        new(table, tableName, source, feed, 0, 0, [], position, TimeSpan.Zero);
}

/// <summary>Compares one organisation's rows of one table: buckets first, then the rows of those that differ, then the proof.</summary>
internal sealed class CompareRows(Sources sources, FeedRows feed, ApplyFeed apply, ProveMismatches proofs)
{
    private const int RowsPerBucket = 64;
    private const int RowsPerReading = 8_000;

    /// <summary>
    /// Beyond so many rows proven or in flight the rest is estimated: what is this broken is repaired in many steps anyway, and where this
    /// much is under way the comparison would only take the processor from what brings it.
    /// </summary>
    private const int MaxProven = 5_000;

    private const int DefaultBuckets = 256;

    public async Task<Comparison> Compare(TableKey table, string tableName, long? rowsKnown, CancellationToken cancel)
    {
        var buckets = rowsKnown is { } rows
            ? Math.Min((int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(rows / RowsPerBucket, 1, DigestSql.MaxBuckets)), DigestSql.MaxBuckets)
            : DefaultBuckets;
        var source = (await sources.Buckets(table, buckets, cancel)).ToDictionary(bucket => long.Parse(bucket.Key));
        var position = await apply.ToHead(table.Org, cancel);
        var ours = (await feed.Buckets(table, buckets, cancel)).ToDictionary(bucket => long.Parse(bucket.Key));
        var differing = source.Keys.Union(ours.Keys).Where(bucket => source.GetValueOrDefault(bucket) != ours.GetValueOrDefault(bucket)).ToArray();
        // What is looked at stands for the rest when not all is, and no bucket is always the last.
        Random.Shared.Shuffle(differing);
        var (mismatches, inFlight, looked, waited) = await Drill(table, buckets, differing, Math.Max(Sum(source.Values).Rows, 1), cancel);
        return new(table, tableName, Sum(source.Values), Sum(ours.Values), OfAll(mismatches.Count), OfAll(inFlight), mismatches, position, waited);

        long OfAll(long found) => looked == 0 ? 0 : found * differing.Length / looked;
    }

    private async Task<(List<Mismatch> Mismatches, long InFlight, int Looked, TimeSpan Waited)> Drill(
        TableKey table, int buckets, long[] differing, long rows, CancellationToken cancel)
    {
        List<Mismatch> mismatches = [];
        var inFlight = 0L;
        var looked = 0;
        var waited = TimeSpan.Zero;
        foreach (var chunk in differing.Chunk((int)Math.Clamp(RowsPerReading * (long)buckets / rows, 1, buckets)))
        {
            var source = (await sources.Rows(table, buckets, chunk, cancel)).ToDictionary(row => row.Id);
            await apply.ToHead(table.Org, cancel);
            var ours = await feed.Rows(table, buckets, chunk, cancel);
            var suspects = source.Keys.Union(ours.Keys)
                .Where(id => ProveMismatches.Judge(source.GetValueOrDefault(id) ?? new(id, null, false), ours.TryGetValue(id, out var row) ? row : null) is not null);
            foreach (var ids in suspects.Chunk(ProveMismatches.MaxRows))
            {
                var proof = await proofs.Prove(table, ids, cancel);
                mismatches.AddRange(proof.Mismatches);
                inFlight += proof.InFlight;
                waited += proof.Waited;
            }

            looked += chunk.Length;
            if (mismatches.Count + inFlight >= MaxProven)
            {
                break;
            }
        }

        return (mismatches, inFlight, looked, waited);
    }

    private static RowDigest Sum(IEnumerable<RowDigest> buckets) => buckets.Aggregate(
        new RowDigest("", 0, 0, 0), (sum, bucket) => new("", sum.Rows + bucket.Rows, sum.Versions + bucket.Versions, sum.Hash + bucket.Hash));
}
