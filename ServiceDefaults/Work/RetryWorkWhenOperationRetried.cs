using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>Takes up again what had failed, from its checkpoint: the attempts before count no more. What was being taken back goes on being.</summary>
internal sealed class RetryWorkWhenOperationRetried(ServiceDb db, ServiceName service, WorkSignal signal) : IHear<OperationRetried>
{
    public async Task Hear(IReadOnlyList<Envelope<OperationRetried>> messages, CancellationToken cancel)
    {
        foreach (var message in messages.Select(item => item.Message).Where(message => message.Service == service.Value))
        {
            await db.Database.ExecuteSqlAsync(
                $"""
                UPDATE operation_work SET state = 'waiting', ended_at = NULL, cancelled_by = CASE WHEN is_compensating THEN cancelled_by END, pardoned = attempts,
                  next_attempt_at = clock_timestamp()
                WHERE id = {message.OperationId} AND state = 'ended'
                """,
                cancel);
        }

        signal.Wake();
    }
}
