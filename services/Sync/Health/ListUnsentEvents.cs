using OpsPlatform.ServiceDefaults.Consistency;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.Sync.Consistency;

namespace OpsPlatform.Sync.Health;

/// <summary>Changes that are not in the feed, asked of the services that hold them: the newest, without their rows, on one page.</summary>
internal sealed class ListUnsentEvents(Sources sources)
{
    /// <exception cref="ServiceDefaults.Auth.ServiceAwayException">One of them could not be asked.</exception>
    public async Task<Page<ListEvents.Item>> List(Guid org, ListEvents.ListEventsRequest request, int limit, CancellationToken cancel)
    {
        var answers = await Task.WhenAll(sources.Names.Where(service => request.Service is null || service == request.Service)
            .Select(async service => (Service: service, Changes: await sources.Unsent(service, org, request.Status!, cancel))));
        return new(
            [
                .. answers.SelectMany(answer => answer.Changes.Select(change => Item(answer.Service, change)))
                    .Where(item => (request.EntityType is null || item.EntityType == request.EntityType) && (request.EventType is null || item.EventType == request.EventType))
                    .OrderByDescending(item => item.CapturedAt).Take(limit),
            ],
            null);
    }

    private static ListEvents.Item Item(string service, UnsentChange change) => new(
        null, change.Id, service, change.EventType, change.Category, change.Priority, change.EntityType, change.EntityId, change.RowVersion, change.Operation,
        change.Status, null, null, null, change.CapturedAt, change.Attempts, change.Error);
}
