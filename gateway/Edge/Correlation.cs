namespace OpsPlatform.Gateway.Edge;

/// <summary>Every request carries a uuid in X-Correlation-Id, the caller's or a new one, to the services and back.</summary>
internal static class Correlation
{
    public const string Header = "X-Correlation-Id";

    public static void UseCorrelation(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        var id = Guid.TryParse(context.Request.Headers[Header], out var given) ? given : Guid.CreateVersion7();
        var text = id.ToString();

        context.Request.Headers[Header] = text;
        context.Response.OnStarting(() =>
        {
            // Set last: a service answers with the header too, and the proxy would append it.
            context.Response.Headers[Header] = text;
            return Task.CompletedTask;
        });

        return next(context);
    });
}
