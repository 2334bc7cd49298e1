using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>Lets go of work that will not be done. Nothing is said of it: whoever denied it has ended the operation.</summary>
internal sealed class DropWorkWhenOperationDenied(ServiceDb db, ServiceName service) : IHear<OperationDenied>
{
    public async Task Hear(IReadOnlyList<Envelope<OperationDenied>> messages, CancellationToken cancel)
    {
        foreach (var message in messages.Select(item => item.Message).Where(message => message.Service == service.Value))
        {
            if (await db.Database.ExecuteSqlAsync(
                $"UPDATE operation_work SET state = 'ended', ended_at = clock_timestamp() WHERE id = {message.OperationId} AND state = 'waiting'", cancel) == 1)
            {
                await db.Database.ExecuteSqlAsync(Undoing.Unmark(message.OperationId), cancel);
            }
        }
    }
}
