using Microsoft.Net.Http.Headers;

namespace OpsPlatform.Gateway.Edge;

/// <summary>What every answer tells browsers: no sniffing, no framing, no referrer, nothing loaded; https only once reached by https.</summary>
internal static class SecurityHeaders
{
    private const string HttpsForAYear = "max-age=31536000; includeSubDomains";

    public static void UseSecurityHeaders(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        context.Response.OnStarting(() =>
        {
            var headers = context.Response.Headers;

            headers.XContentTypeOptions = "nosniff";
            headers.XFrameOptions = "DENY";
            headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
            headers["Referrer-Policy"] = "no-referrer";
            headers.Remove(HeaderNames.Server);
            headers.Remove(HeaderNames.XPoweredBy);

            if (context.Request.IsHttps)
            {
                headers.StrictTransportSecurity = HttpsForAYear;
            }

            return Task.CompletedTask;
        });

        return next(context);
    });
}
