using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Registry;

namespace OpsPlatform.Registry.History;

internal static class ListHistory
{
    public record Response(
        Guid Id, string Service, Guid InstanceId, string Address, string Version, InstanceState? From, InstanceState To, string Reason, DateTimeOffset ChangedAt);

    internal sealed record Key(DateTimeOffset ChangedAt, Guid Id);

    public static async Task<Ok<Page<Response>>> Handle(
        string? service, Guid? instanceId, Moment? from, Moment? to, int? limit, string? cursor, RegistryDb db, CancellationToken cancel)
    {
        var size = Paging.Limit(limit);
        var changes = db.HealthHistory.AsNoTracking();
        if (service is not null)
        {
            changes = changes.Where(x => x.Service == service);
        }

        if (instanceId is { } instance)
        {
            changes = changes.Where(x => x.InstanceId == instance);
        }

        if (from is { } first)
        {
            changes = changes.Where(x => x.ChangedAt >= first.Value.ToUniversalTime());
        }

        if (to is { } end)
        {
            changes = changes.Where(x => x.ChangedAt < end.Value.ToUniversalTime());
        }

        if (Paging.Decode<Key>(cursor) is { } after)
        {
            changes = changes.Where(x => EF.Functions.LessThan(ValueTuple.Create(x.ChangedAt, x.Id), ValueTuple.Create(after.ChangedAt, after.Id)));
        }

        var page = await changes
            .OrderByDescending(x => x.ChangedAt).ThenByDescending(x => x.Id)
            .Take(size + 1)
            .Select(x => new Response(x.Id, x.Service, x.InstanceId, x.Address, x.Version, x.FromState, x.ToState, x.Reason, x.ChangedAt))
            .ToListAsync(cancel);
        return TypedResults.Ok(Paging.Cut(page, size, x => new Key(x.ChangedAt, x.Id)));
    }
}
