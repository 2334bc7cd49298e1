using System.Security.Claims;
using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Timeline;

/// <summary>What happened to an operation, in its order: who did what, when and why.</summary>
internal static class ListTimeline
{
    /// <param name="Position">In the organisation's timeline, which holds other operations' entries between these.</param>
    /// <param name="Event">
    /// started, approval_asked, plan_changed, voted, reminded, escalated, approved, attempt_began, attempt_failed, metadata_refused (what the attempt said of
    /// metadata is too large with what is kept already: details tell the bytes, and maxBytes), cancel_asked, retry_asked, closed, completed, failed, denied,
    /// cancelled, expired or timed_out.
    /// </param>
    /// <param name="Actor">A user, or the service that works on it.</param>
    /// <param name="Hash">SHA-256 over the entry and the one before, in hex.</param>
    public record Response(
        long Position, DateTimeOffset At, string Event, string Actor, string? Reason, Guid? CorrelationId, JsonElement Details, string Hash);

    internal sealed record Key(long Position);

    public static async Task<Results<Ok<Page<Response>>, NotFound, ProblemHttpResult>> Handle(
        Guid id, int? limit, string? cursor, ClaimsPrincipal user, OperationsDb db, OperationReader reader, CancellationToken cancel)
    {
        var size = Paging.Limit(limit);
        var after = Paging.Decode<Key>(cursor)?.Position ?? 0;
        if (await reader.RowOnceKnown(id, cancel) is not { } row)
        {
            return TypedResults.NotFound();
        }

        if (!Viewer.Of(user).Sees(row))
        {
            return Problems.NotYours();
        }

        var page = await db.Timeline.AsNoTracking().Where(x => x.OperationId == id && x.Position > after).OrderBy(x => x.Position).Take(size + 1).ToListAsync(cancel);
        return TypedResults.Ok(Paging.Cut(
            [.. page.Select(x => new Response(x.Position, x.At, x.Event, x.Actor, x.Reason, x.CorrelationId, JsonElement.Parse(x.Details), Convert.ToHexStringLower(x.Hash)))],
            size, x => new Key(x.Position)));
    }
}
