using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Registry.Instances;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Registry;

namespace OpsPlatform.Registry.Services;

/// <summary>A service is as well as its best instance; one that never ran, or left no trace within a day, has no state.</summary>
internal static class ListServices
{
    public record Response(string Name, InstanceState? State, int LiveInstances, int RoutableInstances, IReadOnlyList<string> Versions, DateTimeOffset? ChangedAt);

    internal sealed record Key(string Name);

    public static async Task<Ok<Page<Response>>> Handle(int? limit, string? cursor, RegistryDb db, IConfiguration configuration, CancellationToken cancel)
    {
        var size = Paging.Limit(limit);
        var after = Paging.Decode<Key>(cursor)?.Name ?? "";
        // As few as there are services times replicas, and the names that should be there are not in the table.
        var instances = await db.Instances.AsNoTracking()
            .GroupBy(x => new { x.Service, x.State, x.Version })
            .Select(x => new { x.Key.Service, x.Key.State, x.Key.Version, Count = x.Count(), ChangedAt = x.Max(y => y.ChangedAt) })
            .ToListAsync(cancel);
        var byService = instances.ToLookup(x => x.Service);
        var page = byService.Select(x => x.Key).Union(ClientSecrets.Known(configuration))
            .Order(StringComparer.Ordinal)
            .SkipWhile(name => string.CompareOrdinal(name, after) <= 0)
            .Take(size + 1)
            .Select(name =>
            {
                var live = byService[name].Where(x => x.State is not (InstanceState.Lost or InstanceState.Stopped)).ToArray();
                return new Response(
                    name,
                    byService[name].Any() ? byService[name].Select(x => x.State).MinBy(Rank) : null,
                    live.Sum(x => x.Count),
                    live.Where(x => Instance.IsRoutable(x.State)).Sum(x => x.Count),
                    [.. live.Select(x => x.Version).Distinct().Order(StringComparer.Ordinal)],
                    byService[name].Max(x => (DateTimeOffset?)x.ChangedAt));
            })
            .ToArray();
        return TypedResults.Ok(Paging.Cut(page, size, x => new Key(x.Name)));
    }

    private static int Rank(InstanceState state) => state switch
    {
        InstanceState.Healthy => 0,
        InstanceState.Degraded => 1,
        InstanceState.Starting => 2,
        InstanceState.Unhealthy => 3,
        InstanceState.Lost => 4,
        _ => 5,
    };
}
