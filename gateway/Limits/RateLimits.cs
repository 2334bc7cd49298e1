using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.RateLimiting;
using OpsPlatform.Gateway.ApiKeys;

namespace OpsPlatform.Gateway.Limits;

/// <summary>Sign-in is limited by address before a token is looked at, everything else by organisation once it is known, or by address when there is none.</summary>
internal static class RateLimits
{
    private const int RefillsPerSecond = 10;
    private const int NetworkBytesV6 = 8;

    private static readonly string[] SignInPaths = ["/identity/register", "/identity/login", "/identity/refresh"];
    private static readonly string[] ProbePaths = ["/health", "/alive"];

    public static void AddRateLimits(this WebApplicationBuilder builder) => builder.Services
        .AddRateLimiter(_ => { })
        .AddOptions<RateLimitOptions>()
        .BindConfiguration(RateLimitOptions.Section);

    public static void UseAddressLimits(this WebApplication app)
    {
        var limits = OptionsOf(app);

        app.UseLimiter(context => (IsSignIn(context.Request) || context.ShowsUnknownApiKey()) && !IsExempt(context, limits)
            ? Bucket("sign-in " + Address(context), limits.SignInPerSecond, limits.SignInBurst)
            : RateLimitPartition.GetNoLimiter("other"));
    }

    public static void UseOrganisationLimits(this WebApplication app)
    {
        var limits = OptionsOf(app);

        app.UseLimiter(context =>
        {
            if (context.User.FindFirst("org")?.Value is { } organisation)
            {
                return Bucket(organisation, limits.OrganisationPerSecond, limits.OrganisationBurst);
            }

            return IsSignIn(context.Request) || IsProbe(context.Request) || IsExempt(context, limits)
                ? RateLimitPartition.GetNoLimiter("other")
                : Bucket(Address(context), limits.AnonymousPerSecond, limits.AnonymousBurst);
        });
    }

    private static RateLimitOptions OptionsOf(WebApplication app) =>
        app.Services.GetRequiredService<Microsoft.Extensions.Options.IOptions<RateLimitOptions>>().Value;

    private static void UseLimiter(this IApplicationBuilder app, Func<HttpContext, RateLimitPartition<string>> partition) =>
        app.UseRateLimiter(new RateLimiterOptions
        {
            GlobalLimiter = PartitionedRateLimiter.Create(partition),
            OnRejected = async (rejected, _) =>
            {
                var wait = rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out var known) ? known : TimeSpan.Zero;
                var seconds = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds));

                rejected.HttpContext.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
                await Problems.TooManyRequests(seconds).ExecuteAsync(rejected.HttpContext);
            },
        });

    private static RateLimitPartition<string> Bucket(string key, int perSecond, int burst) =>
        RateLimitPartition.GetTokenBucketLimiter(key, _ =>
        {
            var tokens = Math.Max(1, perSecond / RefillsPerSecond);

            return new TokenBucketRateLimiterOptions
            {
                TokenLimit = burst,
                TokensPerPeriod = tokens,
                ReplenishmentPeriod = TimeSpan.FromSeconds((double)tokens / perSecond),
                QueueLimit = 0,
            };
        });

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
