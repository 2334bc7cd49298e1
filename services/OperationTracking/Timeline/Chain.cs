using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.OperationTracking.Timeline;

/// <summary>
/// An entry's hash: SHA-256 over the hash before it and the entry's canonical form, which the service's README tells. Computed here from
/// the columns, apart from the database that wrote it.
/// </summary>
internal static class Chain
{
    public static readonly byte[] Beginning = new byte[SHA256.HashSizeInBytes];

    private const int PageSize = 1_000;

    /// <summary>Goes along the organisation's entries after one that is taken to be right, as far as each follows from the one before.</summary>
    public static async IAsyncEnumerable<TimelineEntry> Follow(OperationsDb db, long after, byte[] hash, [EnumeratorCancellation] CancellationToken cancel)
    {
        while (await Page(db, after, cancel) is { Count: > 0 } page)
        {
            foreach (var entry in page)
            {
                if (entry.Position != after + 1 || !Hash(hash, entry, entry.Position).SequenceEqual(entry.Hash))
                {
                    yield break;
                }

                (after, hash) = (entry.Position, entry.Hash);
                yield return entry;
            }
        }
    }

    /// <summary>The entries after a position, as they stand there.</summary>
    public static Task<List<TimelineEntry>> Page(OperationsDb db, long after, CancellationToken cancel) =>
        db.Timeline.AsNoTracking().Where(x => x.Position > after).OrderBy(x => x.Position).Take(PageSize).ToListAsync(cancel);

    /// <param name="position">Where the entry is taken to stand.</param>
    public static byte[] Hash(byte[] before, TimelineEntry entry, long position) => SHA256.HashData(
    [
        .. before,
        .. Encoding.UTF8.GetBytes(string.Concat(((string?[])
        [
            entry.OrgId.ToString(),
            position.ToString(),
            entry.OperationId.ToString(),
            ((entry.At - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond).ToString(),
            entry.Event,
            entry.Actor,
            entry.Reason,
            entry.CorrelationId?.ToString(),
            entry.Details,
        ]).Select(Value))),
    ]);

    private static string Value(string? value) => value is null ? "-," : $"{Encoding.UTF8.GetByteCount(value)}:{value},";
}
