using System.ComponentModel.DataAnnotations;
using System.Data;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Timeline;

/// <summary>The organisation's whole timeline, after a position, with all that its hashes are computed from: for verifiers that trust nothing here.</summary>
internal static class ListEntries
{
    private const int MostEntries = 1_000;

    /// <param name="After">A position, 0 unless told.</param>
    /// <param name="Limit">1,000 unless told.</param>
    internal sealed record EntriesRequest(
        [FromQuery(Name = "after")][property: AtLeast(0)] long? After,
        [FromQuery(Name = "limit")][property: Range(1, MostEntries)] int? Limit);

    /// <param name="Head">The last position and its hash, in hex, when these were read; position 0 with 64 zeros for none.</param>
    public record EntriesResponse(Guid OrganisationId, IReadOnlyList<AuditEntry> Items, AuditTimeline.Head Head);

    /// <param name="At">To the microsecond.</param>
    /// <param name="Details">JSON as it is hashed: text as PostgreSQL writes a jsonb.</param>
    /// <param name="Hash">As it is stored, in hex.</param>
    public record AuditEntry(
        long Position, Guid OperationId, DateTimeOffset At, string Event, string Actor, string? Reason, Guid? CorrelationId, string Details, string Hash);

    public static async Task<Ok<EntriesResponse>> Handle([AsParameters] EntriesRequest request, OperationsDb db, Caller caller, CancellationToken cancel)
    {
        await using var snapshot = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancel);
        var head = await db.TimelineHeads.AsNoTracking().SingleOrDefaultAsync(x => x.OrgId == caller.Org, cancel);
        var after = request.After ?? 0;
        var entries = await db.Timeline.AsNoTracking().Where(x => x.Position > after).OrderBy(x => x.Position).Take(request.Limit ?? MostEntries).ToListAsync(cancel);
        return TypedResults.Ok(new EntriesResponse(
            caller.Org,
            [.. entries.Select(x => new AuditEntry(x.Position, x.OperationId, x.At, x.Event, x.Actor, x.Reason, x.CorrelationId, x.Details, Convert.ToHexStringLower(x.Hash)))],
            new(head?.Position ?? 0, Convert.ToHexStringLower(head?.Hash ?? Chain.Beginning))));
    }
}
