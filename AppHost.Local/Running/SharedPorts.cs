using System.Collections.Concurrent;

namespace Aspire.Hosting.Running;

/// <summary>The shared ports of one application.</summary>
internal sealed class SharedPorts : IAsyncDisposable
{
    private readonly ConcurrentDictionary<int, SharedPort> _ports = new();

    /// <summary>The first port of the resource that another program has, if any.</summary>
    public int? TakenPortOf(IResource resource) => Shared(resource).Select(endpoint => endpoint.SharedPort)
        .FirstOrDefault(port => !(_ports.TryGetValue(port!.Value, out var own) && own.IsListening) && !PortAllocator.IsFree(port.Value));

    public void Add(IResource resource, int replica)
    {
        foreach (var endpoint in Shared(resource))
        {
            _ports.GetOrAdd(endpoint.SharedPort!.Value, port => new(port)).Add(endpoint.AllocatedPorts[replica]);
        }
    }

    public void Remove(IResource resource, int replica)
    {
        foreach (var endpoint in Shared(resource))
        {
            if (_ports.TryGetValue(endpoint.SharedPort!.Value, out var port))
            {
                port.Remove(endpoint.AllocatedPorts[replica]);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var port in _ports.Values)
        {
            await port.DisposeAsync();
        }
    }

    private static IEnumerable<EndpointAnnotation> Shared(IResource resource) =>
        resource.Annotations.OfType<EndpointAnnotation>().Where(endpoint => endpoint.SharedPort is not null);
}
