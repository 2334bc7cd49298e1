using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using OpsPlatform.Registry.Instances;

namespace OpsPlatform.Registry.Routes;

/// <summary>
/// Where requests may go: the addresses of all healthy and degraded instances. With the version a gateway has, the answer
/// waits until the list is another one, at most 25 s. The version is made of the list itself: all replicas agree on it, and
/// a database that was put back is noticed.
/// </summary>
internal static class GetRoutes
{
    private const int MaxInstances = 2000;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(25);

    public record Response(string Version, IReadOnlyDictionary<string, IReadOnlyList<Destination>> Services);

    public record Destination(Guid Id, string Address);

    public static async Task<Results<Ok<Response>, ProblemHttpResult>> Handle(
        string? after, [FromKeyedServices(InstanceEndpoints.Looks)] NpgsqlDataSource looks, RouteSignal signal, RegistrySettings settings,
        IHostApplicationLifetime lifetime, TimeProvider time, CancellationToken cancel)
    {
        var since = time.GetTimestamp();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel, lifetime.ApplicationStopping);
        try
        {
            while (true)
            {
                var changed = signal.Next;
                var routes = await Read(looks, end.Token);
                var left = LongestWait - time.GetElapsedTime(since);
                if (routes.Version != after || left <= TimeSpan.Zero)
                {
                    return TypedResults.Ok(routes);
                }

                await Task.WhenAny(changed, Task.Delay(left < settings.RoutePoll ? left : settings.RoutePoll, time, end.Token));
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return Problems.Stopping;
        }
    }

    private static async Task<Response> Read(NpgsqlDataSource looks, CancellationToken cancel)
    {
        await using var select = looks.CreateCommand(
            $"SELECT service, id, address FROM instances WHERE state IN ('healthy', 'degraded') ORDER BY service, id LIMIT {MaxInstances}");
        var services = new Dictionary<string, List<Destination>>();
        var text = new StringBuilder();
        await using var row = await select.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            var (service, destination) = (row.GetString(0), new Destination(row.GetGuid(1), row.GetString(2)));
            if (!services.TryGetValue(service, out var known))
            {
                services[service] = known = [];
            }

            known.Add(destination);
            text.Append(service).Append(' ').Append(destination.Id).Append(' ').Append(destination.Address).Append('\n');
        }

        return new(
            Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString()))[..8]),
            services.ToDictionary(x => x.Key, x => (IReadOnlyList<Destination>)x.Value));
    }
}
