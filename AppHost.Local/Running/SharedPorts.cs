using System.Collections.Concurrent;

namespace Aspire.Hosting.Running;

/// <summary>The shared ports of one application.</summary>
internal sealed class SharedPorts : IAsyncDisposable
{
    private readonly ConcurrentDictionary<int, SharedPort> _ports = new();

    /// <summary>The first port of the resource that another program has, if any.</summary>
    public int? TakenPortOf(IResource resource) => Shared(resource).Select(endpoint => endpoint.SharedPort)
        .FirstOrDefault(port => !Port(port!.Value).IsFreeOrOwn());

    public void Add(IResource resource, int replica)
    {
        foreach (var endpoint in Shared(resource))
        {
            Port(endpoint.SharedPort!.Value).Add(endpoint.AllocatedPorts[replica]);
        }
    }

    public void Remove(IResource resource, int replica)
    {
        foreach (var endpoint in Shared(resource))
        {
            Port(endpoint.SharedPort!.Value).Remove(endpoint.AllocatedPorts[replica]);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var port in _ports.Values)
        {
            await port.DisposeAsync();
        }
    }

    private SharedPort Port(int port) => _ports.GetOrAdd(port, port => new(port));

    private static IEnumerable<EndpointAnnotation> Shared(IResource resource) =>
        resource.Annotations.OfType<EndpointAnnotation>().Where(endpoint => endpoint.SharedPort is not null);
}
