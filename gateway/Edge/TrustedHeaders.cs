namespace OpsPlatform.Gateway.Edge;

/// <summary>Headers by which machines in the house tell each other who called are dropped when a caller sends them; the proxy writes its own.</summary>
internal static class TrustedHeaders
{
    private static readonly string[] Names = ["Forwarded", "Via", "X-Real-IP", "X-Client-IP", "True-Client-IP", "X-HTTP-Method-Override"];
    private static readonly string[] Prefixes = ["X-Forwarded-", "X-Original-", "X-Ops-"];

    public static void UseTrustedHeadersOnly(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        var headers = context.Request.Headers;

        foreach (var name in headers.Keys.Where(IsInternal).ToList())
        {
            headers.Remove(name);
        }

        return next(context);
    });

    private static bool IsInternal(string name) =>
        Names.Contains(name, StringComparer.OrdinalIgnoreCase)
        || Prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase));
}
