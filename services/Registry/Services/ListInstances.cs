using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Registry.Instances;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Registry;

namespace OpsPlatform.Registry.Services;

internal static class ListInstances
{
    /// <param name="Since">When it came into its state.</param>
    /// <param name="UptimeSeconds">Of the process; for one that is gone, how long it was known to run.</param>
    public record Response(
        Guid Id, string Service, string Address, InstanceState State, string Reason, DateTimeOffset Since, string Version, string HostName, int ProcessId,
        DateTimeOffset StartedAt, double UptimeSeconds, DateTimeOffset RegisteredAt, DateTimeOffset LastHeartbeatAt, IReadOnlyList<CheckReport> Checks);

    internal sealed record Key(DateTimeOffset RegisteredAt, Guid Id);

    public static async Task<Results<Ok<Page<Response>>, ProblemHttpResult>> Handle(
        string service, Named<InstanceState>? state, int? limit, string? cursor, RegistryDb db, IConfiguration configuration, TimeProvider time, CancellationToken cancel)
    {
        var size = Paging.Limit(limit);
        var instances = db.Instances.AsNoTracking().Where(x => x.Service == service);
        if (!ClientSecrets.Known(configuration).Contains(service) && !await instances.AnyAsync(cancel))
        {
            return Problems.NoSuchService(service);
        }

        if (state is { Value: var wanted })
        {
            instances = instances.Where(x => x.State == wanted);
        }

        if (Paging.Decode<Key>(cursor) is { } after)
        {
            instances = instances.Where(x => EF.Functions.LessThan(ValueTuple.Create(x.RegisteredAt, x.Id), ValueTuple.Create(after.RegisteredAt, after.Id)));
        }

        var page = await instances.OrderByDescending(x => x.RegisteredAt).ThenByDescending(x => x.Id).Take(size + 1).ToListAsync(cancel);
        var now = time.GetUtcNow();
        return TypedResults.Ok(Paging.Cut([.. page.Select(x => View(x, now))], size, x => new Key(x.RegisteredAt, x.Id)));
    }

    private static Response View(Instance x, DateTimeOffset now) => new(
        x.Id, x.Service, x.Address, x.State, x.Reason, x.ChangedAt, x.Version, x.HostName, x.ProcessId, x.StartedAt,
        Math.Max(0, Math.Round(((x.IsLive ? now : x.LastHeartbeatAt) - x.StartedAt).TotalSeconds, 1)),
        x.RegisteredAt, x.LastHeartbeatAt, JsonSerializer.Deserialize<CheckReport[]>(x.Health, Json.Options) ?? []);
}
