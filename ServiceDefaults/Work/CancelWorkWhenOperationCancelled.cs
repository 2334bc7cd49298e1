using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>Notes that the work is no longer wanted and stops it. What waits for its turn is ended by whoever takes it; what is over stays as it is.</summary>
internal sealed class CancelWorkWhenOperationCancelled(ServiceDb db, ServiceName service, Workers workers) : IHear<OperationCancelled>
{
    public async Task Hear(IReadOnlyList<Envelope<OperationCancelled>> messages, CancellationToken cancel)
    {
        foreach (var (id, _, userId, _) in messages.Select(item => item.Message).Where(message => message.Service == service.Value))
        {
            // What waits for its next attempt is ended now.
            if (await db.Database.ExecuteSqlAsync(
                $"UPDATE operation_work SET cancelled_by = {userId}, next_attempt_at = least(next_attempt_at, clock_timestamp()) WHERE id = {id} AND state <> 'ended'", cancel) == 1)
            {
                workers.Cancel(id, userId);
            }
        }
    }
}
