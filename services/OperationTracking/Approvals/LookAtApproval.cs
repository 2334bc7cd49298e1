using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Approvals;

/// <summary>Does with one approval what the clock, or another member list, asks for.</summary>
internal sealed class LookAtApproval(OperationsDb db, Approving approving, Replanning replanning, Caller caller, TimeProvider time)
{
    /// <summary>While the members are not known.</summary>
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(5);

    /// <summary>Named in a reminder; a group may be a whole organisation.</summary>
    private const int MostNamed = 100;

    /// <param name="members">Null when they are not known: then nothing but the deadline is decided.</param>
    public async Task Look(Guid id, IReadOnlyList<Member>? members, CancellationToken cancel)
    {
        await using var transaction = await db.BeginImpatient(cancel);
        if (await approving.Lock(id, cancel) is not { } row || await approving.Read(row, cancel) is not { IsWaiting: true } held)
        {
            return;
        }

        var now = time.GetUtcNow();
        if (held.Faults.Count > 0)
        {
            await End(held, Verdict.Malformed(held), cancel);
        }
        else if (now >= held.Approval.DueAt)
        {
            await End(held, Verdict.Expired(held), cancel);
        }
        else if (members is null)
        {
            await approving.Settle(held, null, null, [], Earliest(held.Approval.DueAt, now + Again), held.Approval.RemindedAt, held.Approval.EscalatedAt, cancel);
        }
        else
        {
            await Count(held, members, now, cancel);
        }

        await transaction.CommitAsync(cancel);
    }

    /// <summary>Gives an operation that is known by now the plan that came before it.</summary>
    public async Task ApplyEarlyPlan(Guid id, CancellationToken cancel)
    {
        await using var transaction = await db.BeginImpatient(cancel);
        var early = await db.EarlyPlans.FromSql($"SELECT * FROM early_plans WHERE org_id = (SELECT current_org()) AND operation_id = {id} FOR UPDATE SKIP LOCKED")
            .AsNoTracking().SingleOrDefaultAsync(cancel);
        if (early is null)
        {
            return;
        }

        caller.ActFor(caller.Org, early.Actor, new(early.CorrelationId, null, null, early.Actor));
        if (await replanning.TryApply(id, Plans.Of(early.Plan), early.At, early.Actor, cancel))
        {
            await db.EarlyPlans.Where(x => x.OperationId == id).ExecuteDeleteAsync(cancel);
            await db.SaveChangesAsync(cancel);
            await transaction.CommitAsync(cancel);
        }
    }

    private async Task Count(Held held, IReadOnlyList<Member> members, DateTimeOffset now, CancellationToken cancel)
    {
        var (isReminded, isEscalated) = (held.RemindAt <= now, held.EscalateAt <= now);
        var tally = held.Count(members, held.Approval.EscalatedAt is not null || isEscalated);
        var outcome = Verdict.Of(held, tally, null);
        List<Told> told = [];
        if (isEscalated)
        {
            told.Add(new("escalated", Approving.Self, null, new { held.Approval.Digest, Group = held.Plan.Policy.EscalateTo!.Name }));
        }

        if (isReminded && outcome is null)
        {
            told.Add(new("reminded", Approving.Self, null, new
            {
                held.Approval.Digest,
                Missing = tally.Missing.Take(MostNamed).Select(member => new { member.UserId, member.DisplayName }),
            }));
        }

        DateTimeOffset?[] next = [held.Approval.DueAt, isReminded ? null : held.RemindAt, isEscalated ? null : held.EscalateAt];
        await approving.Settle(
            held, tally, outcome, told, next.Min()!.Value, isReminded ? now : held.Approval.RemindedAt, isEscalated ? now : held.Approval.EscalatedAt, cancel);
    }

    private Task End(Held held, Outcome outcome, CancellationToken cancel) =>
        approving.Settle(held, null, outcome, [], held.Approval.NextLookAt, held.Approval.RemindedAt, held.Approval.EscalatedAt, cancel);

    private static DateTimeOffset Earliest(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;
}
