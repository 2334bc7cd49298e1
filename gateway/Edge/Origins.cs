using Microsoft.Net.Http.Headers;

namespace OpsPlatform.Gateway.Edge;

/// <summary>Browsers may call from the origins in Cors:Origins (an array, or one value with commas); none is allowed otherwise. Cookies never are.</summary>
internal static class Origins
{
    private static readonly TimeSpan PreflightLifetime = TimeSpan.FromMinutes(10);

    public static void AddOrigins(this WebApplicationBuilder builder) => builder.Services.AddCors(cors =>
        cors.AddDefaultPolicy(policy => policy
            .WithOrigins(Allowed(builder.Configuration))
            .WithMethods("GET", "HEAD", "POST", "PUT", "DELETE")
            .WithHeaders(
                HeaderNames.Authorization, HeaderNames.ContentType, HeaderNames.Accept, "Prefer", "Idempotency-Key",
                "Last-Event-ID", Correlation.Header, HeaderNames.TraceParent)
            .WithExposedHeaders(
                HeaderNames.Location, HeaderNames.RetryAfter, Correlation.Header, "Preference-Applied", "Idempotent-Replayed")
            .DisallowCredentials()
            .SetPreflightMaxAge(PreflightLifetime)));

    private static string[] Allowed(ConfigurationManager configuration)
    {
        var section = configuration.GetSection("Cors:Origins");

        return section.Get<string[]>()
            ?? section.Value?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            ?? [];
    }
}
