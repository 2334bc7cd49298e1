using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Approvals;

/// <summary>Something that happened to an approval, for the timeline.</summary>
/// <param name="Details">An object that becomes JSON.</param>
internal sealed record Told(string Event, string Actor, string? Reason, object Details);

/// <summary>What comes of an approval.</summary>
/// <param name="Told">With what there is to say to people in its reason, if it was not agreed to.</param>
internal sealed record Outcome(OperationStatus Status, Told Told);

/// <summary>Reads approvals and writes what becomes of them, within the caller's transaction.</summary>
internal sealed class Approving(OperationsDb db, TellAfterCommit tell, Caller caller, TimeProvider time)
{
    /// <summary>Who acts when nobody does.</summary>
    public const string Self = "operations";

    private static readonly JsonSerializerOptions EntryOptions = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Takes the lock under which everything about the operation changes.</summary>
    /// <returns>Null when there is no such operation.</returns>
    public Task<Operation?> Lock(Guid id, CancellationToken cancel) =>
        db.Operations.FromSql($"SELECT * FROM operations WHERE org_id = (SELECT current_org()) AND id = {id} FOR UPDATE").AsNoTracking().SingleOrDefaultAsync(cancel);

    /// <returns>Null when nobody has to agree to it.</returns>
    public async Task<Held?> Read(Operation row, CancellationToken cancel)
    {
        if (row.Plan is not { } plan || await db.Approvals.AsNoTracking().SingleOrDefaultAsync(x => x.OperationId == row.Id, cancel) is not { } approval)
        {
            return null;
        }

        var votes = await db.Votes.AsNoTracking().Where(x => x.OperationId == row.Id).OrderBy(x => x.Number).ToListAsync(cancel);
        return new(row, approval, Plans.Of(plan), votes);
    }

    /// <summary>
    /// Asks for agreement to those of the operations that need it and were added in this transaction: nobody else sees these rows, so none is
    /// waited for.
    /// </summary>
    public async Task AskForNew(IReadOnlyCollection<Guid> ids, CancellationToken cancel)
    {
        if (ids.Count == 0)
        {
            return;
        }

        var added = await db.Operations.AsNoTracking()
            .Where(x => ids.Contains(x.Id) && x.Status == OperationStatus.WaitingForApproval && !db.Approvals.Any(approval => approval.OperationId == x.Id))
            .ToListAsync(cancel);
        foreach (var row in added)
        {
            await Ask(row.Id, Plans.Of(row.Plan!), row.UserId, null, cancel);
        }
    }

    /// <summary>Asks for agreement to the plan in the operation's row; the votes on another one lapse. What cannot be asked for is denied.</summary>
    /// <param name="plannedAt">When the service made it; null for the plan it started with.</param>
    /// <returns>How many votes lapsed.</returns>
    public async Task<int> Ask(Guid id, OperationPlan plan, string owner, DateTimeOffset? plannedAt, CancellationToken cancel)
    {
        var (now, hasFaults) = (time.GetUtcNow(), PolicyRules.Faults(plan.Policy).Count > 0);
        var due = now.AddMinutes(hasFaults ? 0 : plan.Policy.DeadlineMinutes);
        var shown = Shown(hasFaults ? "" : new Tally(plan, owner, false, [], []).Needed, due, plan.Digest);
        var lapsed = await db.Database.SqlQuery<int>($"SELECT ask_approval({id}, {plannedAt}, {now}, {due}, {shown}::jsonb) AS \"Value\"").ToListAsync(cancel);
        tell.Asked();
        return lapsed[0];
    }

    /// <summary>Writes down how far the approval is and what comes of it, and says it. Call it last: it takes the lock on the timeline.</summary>
    /// <param name="tally">As it is now; null when it was not counted.</param>
    public async Task Settle(
        Held held, Tally? tally, Outcome? outcome, IEnumerable<Told> told, DateTimeOffset nextLookAt, DateTimeOffset? remindedAt, DateTimeOffset? escalatedAt,
        CancellationToken cancel)
    {
        var (id, now) = (held.Row.Id, time.GetUtcNow());
        Told[] all = outcome is null ? [.. told] : [.. told, outcome.Told];
        var error = outcome is { Status: not OperationStatus.Approved } ? outcome.Told.Reason : null;
        var status = outcome is null ? null : JsonNamingPolicy.SnakeCaseLower.ConvertName(outcome.Status.ToString());
        var groups = tally is null ? null : JsonSerializer.Serialize(tally.Groups, Json.Options);
        var approval = tally is null ? null : Shown(tally.Needed, held.Approval.DueAt, held.Approval.Digest);
        await db.Database.ExecuteSqlAsync(
            $"""
            SELECT settle_approval({id}, {now}, {status}, {error}, {groups}::jsonb, {tally?.AskedRoles}, {tally?.AskedUsers}, {approval}::jsonb,
              {nextLookAt}, {remindedAt}, {escalatedAt}, {Entries(id, now, all)}::jsonb)
            """, cancel);
        switch (outcome)
        {
            case { Status: OperationStatus.Approved }:
                db.Publish(new OperationApproved(id, held.Row.Service, held.Approval.Digest));
                break;
            case not null:
                db.Publish(new OperationDenied(id, held.Row.Service, status!, error!));
                break;
        }

        await db.SaveChangesAsync(cancel);
        tell.Changed(caller.Org, id, hasEnded: error is not null);
        if (error is not null && held.Row.Undoes is { } undone)
        {
            tell.Changed(caller.Org, undone, hasEnded: true);
        }
    }

    /// <summary>As tell_timeline reads them.</summary>
    public string Entries(Guid id, DateTimeOffset at, params Told[] told) => JsonSerializer.Serialize(
        told.Select(x => new
        {
            OperationId = id,
            At = at,
            x.Event,
            x.Actor,
            x.Reason,
            caller.CorrelationId,
            Details = JsonSerializer.SerializeToElement(x.Details, Json.Options),
        }), EntryOptions);

    private static string Shown(string needed, DateTimeOffset deadline, string digest) => JsonSerializer.Serialize(new OperationApproval(needed, deadline, digest), Json.Options);
}
