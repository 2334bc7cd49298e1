using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>Lets work begin whose plan was agreed to, as long as that is still its plan.</summary>
internal sealed class BeginWorkWhenOperationApproved(ServiceDb db, ServiceName service, WorkSignal signal) : IHear<OperationApproved>
{
    public async Task Hear(IReadOnlyList<Envelope<OperationApproved>> messages, CancellationToken cancel)
    {
        foreach (var (id, _, digest) in messages.Select(item => item.Message).Where(message => message.Service == service.Value))
        {
            await db.Database.ExecuteSqlAsync(
                $"""
                UPDATE operation_work SET approved_digest = {digest}, next_attempt_at = clock_timestamp()
                WHERE id = {id} AND state = 'waiting' AND plan_digest = {digest} AND approved_digest IS NULL
                """,
                cancel);
        }

        signal.Wake();
    }
}
