namespace OpsPlatform.Gateway.Limits;

/// <summary>Section RateLimits. Token buckets: so many requests a second sustained, so many at once. They hold per gateway instance.</summary>
internal sealed class RateLimitOptions
{
    public const string Section = "RateLimits";

    /// <summary>Requests per second of one organisation, all its members together.</summary>
    public int OrganisationPerSecond { get; init; } = 2_000;

    public int OrganisationBurst { get; init; } = 4_000;

    /// <summary>Register, log-in and refresh requests, and ones with an API key not seen within the minute, per second from one address (an IPv6 /64 counts as one).</summary>
    public int SignInPerSecond { get; init; } = 10;

    public int SignInBurst { get; init; } = 30;

    /// <summary>All other requests per second from one address that carry no valid token.</summary>
    public int AnonymousPerSecond { get; init; } = 200;

    public int AnonymousBurst { get; init; } = 400;

    /// <summary>Leaves callers on this machine out of the limits per address; for tests that sign in hundreds of people.</summary>
    public bool ExemptLoopback { get; init; }
}
