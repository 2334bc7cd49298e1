using OpsPlatform.ServiceDefaults;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.Registry.Routes;

/// <summary>Tells the gateways that wait at this replica or another one that the list may have changed. A poll finds what was not told.</summary>
internal sealed class RouteSignal : Signal
{
    private const string Topic = "routes";
    private readonly Replicas _replicas;

    public RouteSignal(Replicas replicas)
    {
        _replicas = replicas;
        replicas.Hear(Topic, _ => Wake());
    }

    /// <summary>Call it after the commit.</summary>
    public void Changed()
    {
        Wake();
        _replicas.Tell(Topic);
    }
}
