using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Checkpoints;

/// <summary>What was signed of the organisation's timeline, in its order.</summary>
internal static class ListCheckpoints
{
    /// <param name="Position">Of the entry that it says the hash of.</param>
    /// <param name="SignedAt">As the database has it; the signed time is in <paramref name="Jws"/>.</param>
    /// <param name="Jws">
    /// Compact JWS by ES256, of type checkpoint+jwt: its payload is {"org": uuid, "position": number, "hash": 64 hex digits, "at": time}.
    /// </param>
    public record CheckpointResponse(long Position, DateTimeOffset SignedAt, string Jws);

    internal sealed record Key(long Position);

    public static async Task<Ok<Page<CheckpointResponse>>> Handle(int? limit, string? cursor, OperationsDb db, CancellationToken cancel)
    {
        var size = Paging.Limit(limit);
        var after = Paging.Decode<Key>(cursor)?.Position ?? 0;
        var page = await db.TimelineCheckpoints.AsNoTracking().Where(x => x.Position > after).OrderBy(x => x.Position).Take(size + 1)
            .Select(x => new CheckpointResponse(x.Position, x.SignedAt, x.Jws)).ToListAsync(cancel);
        return TypedResults.Ok(Paging.Cut(page, size, x => new Key(x.Position)));
    }
}
