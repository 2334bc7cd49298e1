using OpsPlatform.ServiceDefaults.Registry;

namespace OpsPlatform.Gateway.Routing;

/// <summary>
/// Asks the registry for its list and waits there for the next one, for ever. While it is away, or says what cannot be
/// right, the last good list stays in use.
/// </summary>
internal sealed partial class FollowRegistry(RegistryClient registry, Destinations destinations, TimeProvider time, ILogger<FollowRegistry> log) : BackgroundService
{
    private const int MaxInstancesPerService = 200;

    /// <summary>The registry answers within 25 s.</summary>
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan FirstBackoff = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromSeconds(2);

    private string? away;
    private bool followed;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!registry.IsConfigured)
        {
            LogUnconfigured();
            return;
        }

        var backoff = FirstBackoff;
        string? version = null;

        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var answer = await Ask(version, stoppingToken);
                Apply(answer);
                version = answer.Version;
                backoff = FirstBackoff;
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                Say(failure.Message);
                // Once it is back it may be another one, with another list.
                version = null;
                await Task.Delay(backoff, time, stoppingToken);
                backoff = backoff * 2 < LongestBackoff ? backoff * 2 : LongestBackoff;
            }
        }
    }

    private async Task<Answer> Ask(string? version, CancellationToken cancel)
    {
        var path = version is null ? "/registry/routes" : $"/registry/routes?after={Uri.EscapeDataString(version)}";
        using var response = await registry.Send(HttpMethod.Get, path, null, AnswerTimeout, cancel);

        if (!response.IsSuccessStatusCode)
        {
            throw new InvalidDataException($"it answers {(int)response.StatusCode}");
        }

        return await response.Content.ReadFromJsonAsync<Answer>(RegistryClient.AnswerOptions, cancel) ?? throw new InvalidDataException("it answers null");
    }

    /// <exception cref="InvalidDataException">No registry in its right mind says that.</exception>
    private void Apply(Answer answer)
    {
        var routable = new Dictionary<string, IReadOnlyDictionary<string, string>>();

        foreach (var service in Upstreams.Paths.Keys)
        {
            if (answer.Services.TryGetValue(service, out var instances))
            {
                routable[service] = Checked(service, instances);
            }
        }

        // A registry that has lost everything, or has just begun: nobody is well, and nobody is sent away for that.
        if (routable.Values.All(instances => instances.Count == 0))
        {
            Say("it knows no instance of any service");
            return;
        }

        foreach (var service in destinations.Take(routable))
        {
            var addresses = destinations.AddressesOf(service);
            LogMoved(service, addresses);
        }

        if (!followed || away is not null)
        {
            (followed, away) = (true, null);
            LogFollowed();
        }
    }

    private static Dictionary<string, string> Checked(string service, IReadOnlyList<Instance>? instances)
    {
        if (instances is null)
        {
            throw new InvalidDataException($"it gives no list for {service}");
        }

        if (instances.Count > MaxInstancesPerService)
        {
            throw new InvalidDataException($"it knows {instances.Count} instances of {service}");
        }

        var addresses = new Dictionary<string, string>();

        foreach (var instance in instances)
        {
            if (instance is null || !InstanceAddress.TryParse(instance.Address, out var address, out _))
            {
                throw new InvalidDataException($"it sends {service} to '{instance?.Address}'");
            }

            addresses[$"{instance.Id}"] = address.GetLeftPart(UriPartial.Authority);
        }

        return addresses;
    }

    private void Say(string reason)
    {
        if (away is null)
        {
            LogAway(reason);
        }

        away = reason;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Following the registry")]
    private partial void LogFollowed();

    [LoggerMessage(Level = LogLevel.Information, Message = "{Service} is reached at {Addresses}")]
    private partial void LogMoved(string service, IReadOnlyList<string> addresses);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The registry is away or not to be believed, going on with the last good list: {Reason}")]
    private partial void LogAway(string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "No registry is configured: services are reached at their configured addresses only")]
    private partial void LogUnconfigured();

    private sealed record Answer(string Version, Dictionary<string, IReadOnlyList<Instance>> Services);

    private sealed record Instance(Guid Id, string Address);
}
