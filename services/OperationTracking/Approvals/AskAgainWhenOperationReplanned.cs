using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.OperationTracking.Approvals;

/// <summary>
/// Asks for agreement to a plan that has changed. To the same plan nothing lapses; who asks for it again once it is agreed to is told again.
/// A plan of an operation not heard of yet is kept until it is.
/// </summary>
internal sealed class AskAgainWhenOperationReplanned(OperationsDb db, Replanning replanning) : IHear<OperationReplanned>
{
    public async Task Hear(IReadOnlyList<Envelope<OperationReplanned>> messages, CancellationToken cancel)
    {
        // All rows before the timeline, as everybody takes them.
        var rows = JsonSerializer.Serialize(messages.Select(x => new { id = x.Message.OperationId }).Distinct());
        await db.Database.ExecuteSqlAsync($"SELECT hold_operations({rows}::jsonb)", cancel);
        foreach (var envelope in messages.OrderBy(x => x.Message.At))
        {
            var (id, told, at) = envelope.Message;
            var plan = Plans.Storable(told);
            if (!await replanning.TryApply(id, plan, at, envelope.Actor, cancel))
            {
                await db.Database.ExecuteSqlAsync(
                    $"""
                    INSERT INTO early_plans (operation_id, plan, at, actor, correlation_id) VALUES ({id}, {Plans.Json(plan)}::jsonb, {at}, {envelope.Actor ?? ""}, {envelope.CorrelationId})
                    ON CONFLICT (org_id, operation_id) DO UPDATE SET plan = excluded.plan, at = excluded.at, actor = excluded.actor, correlation_id = excluded.correlation_id
                    WHERE early_plans.at < excluded.at
                    """, cancel);
            }
        }
    }
}
