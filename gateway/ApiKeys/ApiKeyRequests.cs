using System.Globalization;
using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Gateway.ApiKeys;

/// <summary>A request with an API key, in X-Api-Key or as Authorization: ApiKey, goes on with the token the key stands for; no service sees the key.</summary>
internal static class ApiKeyRequests
{
    public const string Header = "X-Api-Key";

    private const string Scheme = "ApiKey ";
    private const int RetryAfterSeconds = 2;
    private static readonly object Refusal = new();

    public static void UseApiKeys(this WebApplication app) => app.Use(async (context, next) =>
    {
        if (KeyOf(context.Request) is { } key)
        {
            var headers = context.Request.Headers;
            var (token, refusal) = ShowsBoth(context.Request)
                ? (null, Problems.TwoCredentials)
                : await context.RequestServices.GetRequiredService<ApiKeyTokens>().Get(key, context, context.RequestAborted);

            headers.Remove(Header);
            headers.Authorization = token is null ? default : $"Bearer {token}";
            context.Items[Refusal] = refusal;
        }

        await next(context);
    });

    /// <summary>After the limits, so that wrong keys count against the address they come from.</summary>
    public static void UseApiKeyRefusals(this WebApplication app) => app.Use((context, next) =>
    {
        if (context.Items[Refusal] is not ProblemHttpResult refusal)
        {
            return next(context);
        }

        if (refusal.StatusCode == StatusCodes.Status503ServiceUnavailable)
        {
            context.Response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        }
        else if (refusal.StatusCode == StatusCodes.Status401Unauthorized)
        {
            context.Response.Headers.WWWAuthenticate = Scheme.TrimEnd();
        }

        // It may be kept for others who show the same key.
        return Problem.Copy(refusal).ExecuteAsync(context);
    });

    /// <summary>Such a request makes us ask the identity service.</summary>
    public static bool ShowsUnknownApiKey(this HttpContext context) =>
        KeyOf(context.Request) is { } key && !context.RequestServices.GetRequiredService<ApiKeyTokens>().Knows(key);

    private static string? KeyOf(HttpRequest request)
    {
        if (request.Headers.TryGetValue(Header, out var given))
        {
            return given.ToString();
        }

        var authorization = request.Headers.Authorization.ToString();

        return authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? authorization[Scheme.Length..].Trim() : null;
    }

    private static bool ShowsBoth(HttpRequest request) =>
        request.Headers.ContainsKey(Header) && request.Headers.Authorization.Count > 0;
}
