using System.Globalization;
using System.Net;
using System.Net.Sockets;
using OpsPlatform.Gateway.ApiKeys;

namespace OpsPlatform.Gateway.Limits;

/// <summary>Sign-in is limited by address before a token is looked at, everything else by organisation once it is known, or by address when there is none.</summary>
internal static class RateLimits
{
    private const int NetworkBytesV6 = 8;

    private static readonly string[] SignInPaths = ["/identity/register", "/identity/login", "/identity/refresh"];
    private static readonly string[] ProbePaths = ["/health", "/alive"];

    public static void AddRateLimits(this WebApplicationBuilder builder) => builder.Services
        .AddOptions<RateLimitOptions>()
        .BindConfiguration(RateLimitOptions.Section);

    public static void UseAddressLimits(this WebApplication app)
    {
        var limits = OptionsOf(app);

        app.UseLimiter(context => (IsSignIn(context.Request) || context.ShowsUnknownApiKey()) && !IsExempt(context, limits)
            ? new("sign-in " + Address(context), limits.SignInPerSecond, limits.SignInBurst)
            : null);
    }

    public static void UseOrganisationLimits(this WebApplication app)
    {
        var limits = OptionsOf(app);

        app.UseLimiter(context =>
        {
            if (context.User.FindFirst("org")?.Value is { } organisation)
            {
                return new(organisation, limits.OrganisationPerSecond, limits.OrganisationBurst);
            }

            return IsSignIn(context.Request) || IsProbe(context.Request) || IsExempt(context, limits)
                ? null
                : new(Address(context), limits.AnonymousPerSecond, limits.AnonymousBurst);
        });
    }

    private static RateLimitOptions OptionsOf(WebApplication app) =>
        app.Services.GetRequiredService<Microsoft.Extensions.Options.IOptions<RateLimitOptions>>().Value;

    /// <param name="bucketOf">Null for a request that is not limited.</param>
    private static void UseLimiter(this WebApplication app, Func<HttpContext, TokenBucket?> bucketOf)
    {
        var buckets = new TokenBuckets(app.Services.GetRequiredService<TimeProvider>());

        app.Use((HttpContext context, RequestDelegate next) =>
            bucketOf(context) is { } bucket && buckets.Take(bucket) is { } wait ? Refuse(context, wait) : next(context));
    }

    private static Task Refuse(HttpContext context, TimeSpan wait)
    {
        var seconds = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds));

        context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return Problems.TooManyRequests(seconds).ExecuteAsync(context);
    }

    // Routing passes over a slash at the end, so the limit must too.
    private static bool IsSignIn(HttpRequest request) =>
        HttpMethods.IsPost(request.Method) && SignInPaths.Contains((request.Path.Value ?? "").TrimEnd('/'), StringComparer.OrdinalIgnoreCase);

    private static bool IsProbe(HttpRequest request) =>
        ProbePaths.Any(path => request.Path.Equals(path, StringComparison.OrdinalIgnoreCase));

    private static bool IsExempt(HttpContext context, RateLimitOptions limits) =>
        limits.ExemptLoopback && context.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address);

    private static string Address(HttpContext context)
    {
        if (context.Connection.RemoteIpAddress is not { } address)
        {
            return "unknown";
        }

        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        // One customer line gets a whole /64, so a single IPv6 address is no limit at all.
        return address.AddressFamily is AddressFamily.InterNetworkV6
            ? Convert.ToHexString(address.GetAddressBytes(), 0, NetworkBytesV6)
            : address.ToString();
    }
}
