using System.Collections.Frozen;
using Yarp.ReverseProxy.Configuration;

namespace OpsPlatform.Gateway.Routing;

/// <summary>
/// Where each service's instances are: what the registry said last, for a service it knows no fit instance of the
/// configured addresses services:{name}:http:{i}, and without those whatever was known before. It never goes empty:
/// trying an instance in vain beats refusing everybody.
/// </summary>
internal sealed class Destinations
{
    private readonly IConfiguration configuration;
    private readonly InMemoryConfigProvider proxy;

    /// <summary>By service, the address by destination; a new instance at an old address is a destination of its own, without the old one's record.</summary>
    private volatile FrozenDictionary<string, FrozenDictionary<string, string>> current;

    public Destinations(IConfiguration configuration)
    {
        this.configuration = configuration;
        current = Upstreams.Paths.Keys.ToFrozenDictionary(service => service, Seed);
        proxy = new InMemoryConfigProvider(Upstreams.Routes(), Upstreams.Clusters(configuration, current));
    }

    public IProxyConfigProvider Proxy => proxy;

    public IReadOnlyList<string> AddressesOf(string service) => [.. current[service].Values.Distinct()];

    /// <summary>Takes the registry's list over. What is the same stays as it is: the proxy is not told.</summary>
    /// <param name="routable">By service, the address by instance.</param>
    /// <returns>The services that are reached elsewhere now.</returns>
    public IReadOnlyList<string> Take(IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> routable)
    {
        var next = Upstreams.Paths.Keys.ToFrozenDictionary(service => service, service => Choose(service, routable));
        string[] changed = [.. next.Keys.Where(service => !Same(next[service], current[service])).Order(StringComparer.Ordinal)];

        if (changed.Length > 0)
        {
            current = next;
            proxy.Update(Upstreams.Routes(), Upstreams.Clusters(configuration, next));
        }

        return changed;
    }

    private FrozenDictionary<string, string> Choose(string service, IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> routable) =>
        routable.TryGetValue(service, out var instances) && instances.Count > 0 ? instances.ToFrozenDictionary()
        : Seed(service) is { Count: > 0 } seed ? seed
        : current[service];

    private FrozenDictionary<string, string> Seed(string service) => configuration.GetSection($"services:{service}:http").GetChildren()
        .Select(instance => instance.Value).OfType<string>().Where(address => address.Length > 0).Distinct()
        .ToFrozenDictionary(address => address);

    private static bool Same(FrozenDictionary<string, string> one, FrozenDictionary<string, string> other) =>
        one.Count == other.Count && one.All(pair => other.TryGetValue(pair.Key, out var address) && address == pair.Value);
}
