using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Approvals;

/// <summary>Makes another plan an operation's own, within the caller's transaction.</summary>
internal sealed class Replanning(OperationsDb db, Approving approving, TellAfterCommit tell, Caller caller)
{
    /// <returns>False when nothing was heard of the operation yet.</returns>
    public async Task<bool> TryApply(Guid id, OperationPlan plan, DateTimeOffset at, string? actor, CancellationToken cancel)
    {
        if (await approving.Lock(id, cancel) is not { } row)
        {
            return false;
        }

        // Nobody wants it any more, so nobody is asked.
        if (row.IsOver || row.Status == OperationStatus.Cancelling)
        {
            return true;
        }

        var held = await approving.Read(row, cancel);
        if (held is { Approval.State: not ApprovalState.Closed } && held.Approval.Digest == plan.Digest)
        {
            // An older plan that comes later is older than this one.
            await db.Approvals.Where(x => x.OperationId == id).ExecuteUpdateAsync(
                set => set.SetProperty(x => x.PlannedAt, x => x.PlannedAt > at ? x.PlannedAt : at), cancel);
            if (held.Approval.State == ApprovalState.Approved)
            {
                db.Publish(new OperationApproved(id, row.Service, plan.Digest));
            }
        }
        else if (held?.Approval.PlannedAt is not { } plannedAt || plannedAt < at)
        {
            await Change(row, held, plan, at, actor, cancel);
        }

        return true;
    }

    private async Task Change(Operation row, Held? held, OperationPlan plan, DateTimeOffset at, string? actor, CancellationToken cancel)
    {
        var json = Plans.Json(plan);
        await db.Database.ExecuteSqlAsync($"SELECT replan_operation({row.Id}, {json}::jsonb, {at})", cancel);
        var lapsed = await approving.Ask(row.Id, plan, row.UserId, at, cancel);
        var told = new Told(
            held is null ? "approval_asked" : "plan_changed", actor ?? row.Service, null,
            new { PreviousDigest = held?.Approval.Digest, LapsedVotes = lapsed, Plan = plan });
        await db.Database.ExecuteSqlAsync($"SELECT tell_timeline({approving.Entries(row.Id, at, told)}::jsonb)", cancel);
        tell.Changed(caller.Org, row.Id);
    }
}
