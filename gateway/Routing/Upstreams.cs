using System.Collections.Frozen;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.LoadBalancing;

namespace OpsPlatform.Gateway.Routing;

/// <summary>Which path goes to which service, and how its instances are used.</summary>
internal static class Upstreams
{
    /// <summary>The services, each with the first path segments it answers.</summary>
    public static readonly IReadOnlyDictionary<string, string[]> Paths = new Dictionary<string, string[]>
    {
        ["identity"] = ["identity"],
        ["inventory"] = ["inventory", "ingredients", "recipes"],
        ["orders"] = ["orders", "menu", "customers"],
        ["sync"] = ["sync"],
        ["operations"] = ["operations"],
        ["analytics"] = ["analytics"],
        ["registry"] = ["registry"],
    };

    /// <summary>What may be called without a token; streams because the service takes a ticket there instead.</summary>
    private static readonly (string Service, string Method, string Path)[] Anonymous =
    [
        ("identity", "POST", "/identity/register"),
        ("identity", "POST", "/identity/login"),
        ("identity", "POST", "/identity/refresh"),
        ("identity", "POST", "/identity/logout"),
        ("identity", "GET", "/identity/.well-known/{**document}"),
        ("sync", "GET", Streams.Path),
        ("operations", "GET", "/operations/feed"),
        ("operations", "GET", "/operations/events"),
        ("operations", "GET", "/operations/{id:guid}/events"),
    ];

    /// <summary>Where services prove themselves by their secrets, calling the service directly: no caller has business there.</summary>
    private static readonly string[] NotForCallers = ["/identity/token/{**rest}", "/identity/api-keys/exchange/{**rest}"];

    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(3);

    /// <summary>Shorter than a service that stops waits for its callers to leave: none sends into a connection that is being closed.</summary>
    private static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan FailuresCountedFor = TimeSpan.FromSeconds(10);
    private const int FewestRequestsToJudge = 3;

    /// <summary>Afterwards it is tried again, unless the registry has called it lost by then.</summary>
    public static readonly TimeSpan LeftOutFor = TimeSpan.FromSeconds(5);

    /// <summary>How long an exchange may be silent; every byte either way starts it anew, so a stream with keep-alives has no end. Long polls take up to 30 s.</summary>
    private static readonly TimeSpan DefaultActivityTimeout = TimeSpan.FromSeconds(40);

    /// <summary>Where long polls take longer: who waits for an operation is answered after up to 55 s.</summary>
    private static readonly IReadOnlyDictionary<string, TimeSpan> LongerActivityTimeouts = new Dictionary<string, TimeSpan> { ["operations"] = TimeSpan.FromSeconds(65) };

    public static void AddUpstreams(this WebApplicationBuilder builder)
    {
        builder.Services.AddReverseProxy()
            .AddTransforms(Streams.EndStreamsOnShutdown)
            .AddTransforms(UntakenRequests.Recognise)
            .ConfigureHttpClient((_, handler) =>
            {
                handler.ConnectTimeout = ConnectTimeout;
                handler.PooledConnectionIdleTimeout = IdleTimeout;
            });
        builder.Services.AddSingleton<Destinations>();
        builder.Services.AddSingleton(services => services.GetRequiredService<Destinations>().Proxy);
        builder.Services.AddSingleton<IPassiveHealthCheckPolicy, LeaveOutUnreachable>();
        builder.Services.AddHostedService<FollowRegistry>();

        builder.Services.Configure<TransportFailureRateHealthPolicyOptions>(health =>
        {
            health.DetectionWindowSize = FailuresCountedFor;
            health.MinimalTotalCountThreshold = FewestRequestsToJudge;
        });
    }

    public static void MapUpstreams(this WebApplication app)
    {
        app.MapReverseProxy(proxy =>
        {
            proxy.UseFailureProblems();
            proxy.UseNextInstance();
            proxy.UseLoadBalancing();
            proxy.UsePassiveHealthChecks();
        });

        foreach (var path in NotForCallers)
        {
            app.Map(path, () => Problems.NoSuchPath).ExcludeFromDescription().AllowAnonymous();
        }

        app.MapFallback("{**path}", () => Problems.NoSuchPath).ExcludeFromDescription().AllowAnonymous();
    }

    public static IReadOnlyList<RouteConfig> Routes() =>
    [
        .. from service in Paths
           from segment in service.Value
           select new RouteConfig
           {
               RouteId = segment,
               ClusterId = service.Key,
               AuthorizationPolicy = "default",
               Match = new RouteMatch { Path = $"/{segment}/{{**rest}}" },
           },
        .. from open in Anonymous
           select new RouteConfig
           {
               RouteId = $"{open.Method} {open.Path}",
               ClusterId = open.Service,
               AuthorizationPolicy = "anonymous",
               Match = new RouteMatch { Path = open.Path, Methods = [open.Method] },
               // The OpenID document names its neighbours by the host the caller used.
               Transforms = [new Dictionary<string, string> { ["RequestHeaderOriginalHost"] = "true" }],
           },
    ];

    /// <param name="destinations">By service, the address by destination.</param>
    public static IReadOnlyList<ClusterConfig> Clusters(
        IConfiguration configuration, IReadOnlyDictionary<string, FrozenDictionary<string, string>> destinations) =>
    [
        .. from service in Paths.Keys
           select new ClusterConfig
           {
               ClusterId = service,
               LoadBalancingPolicy = LoadBalancingPolicies.PowerOfTwoChoices,
               HttpRequest = new ForwarderRequestConfig
               {
                   ActivityTimeout = configuration.GetValue<TimeSpan?>("Gateway:ActivityTimeout") ?? LongerActivityTimeouts.GetValueOrDefault(service, DefaultActivityTimeout),
               },
               HealthCheck = new HealthCheckConfig
               {
                   // Should all look bad, trying one still beats refusing everybody.
                   AvailableDestinationsPolicy = HealthCheckConstants.AvailableDestinations.HealthyOrPanic,
                   Passive = new PassiveHealthCheckConfig
                   {
                       Enabled = true,
                       Policy = LeaveOutUnreachable.PolicyName,
                       ReactivationPeriod = LeftOutFor,
                   },
               },
               Destinations = destinations[service].ToDictionary(known => known.Key, known => new DestinationConfig { Address = known.Value }),
           },
    ];
}
