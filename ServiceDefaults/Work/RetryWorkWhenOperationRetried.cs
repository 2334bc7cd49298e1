using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>
/// Takes up again what had failed, from its checkpoint: the attempts before count no more. What was being taken back goes on being, and what
/// was undone since has failed again.
/// </summary>
internal sealed class RetryWorkWhenOperationRetried(ServiceDb db, ServiceName service, WorkSignal signal, TimeProvider time) : IHear<OperationRetried>
{
    public async Task Hear(IReadOnlyList<Envelope<OperationRetried>> messages, CancellationToken cancel)
    {
        foreach (var id in messages.Select(item => item.Message).Where(message => message.Service == service.Value).Select(message => message.OperationId))
        {
            var isTakenUp = await db.Database.ExecuteSqlAsync(
                $"""
                UPDATE operation_work SET state = 'waiting', ended_at = NULL, cancelled_by = CASE WHEN is_compensating THEN cancelled_by END, pardoned = attempts,
                  next_attempt_at = clock_timestamp()
                WHERE id = {id} AND state = 'ended' AND undone_by IS NULL
                """,
                cancel) == 1;
            if (!isTakenUp && await Undone(id, cancel) is { } started)
            {
                db.Publish(new OperationEnded(started, "failed", time.GetUtcNow(), Error: "It was undone and is not tried again. Start it anew."));
            }
        }

        signal.Wake();
    }

    private async Task<OperationStarted?> Undone(Guid id, CancellationToken cancel) => (await db.Database.SqlQuery<string>(
        $"SELECT started::text AS \"Value\" FROM operation_work WHERE id = {id} AND state = 'ended' AND undone_by IS NOT NULL").ToListAsync(cancel))
        .Select(json => JsonSerializer.Deserialize<OperationStarted>(json, OperationJson.Options)).SingleOrDefault();
}
