namespace OpsPlatform.Gateway.Routing;

/// <summary>Feeds stay open for as long as both ends want, but never hold up a shutdown.</summary>
internal static class Streams
{
    public const string Path = "/sync/feed";

    public static void UseStreamsEndOnShutdown(this WebApplication app) => app.Use(async (context, next) =>
    {
        if (!context.Request.Path.Equals(Path, StringComparison.OrdinalIgnoreCase))
        {
            await next(context);
            return;
        }

        var caller = context.RequestAborted;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(caller, app.Lifetime.ApplicationStopping);

        context.RequestAborted = either.Token;

        try
        {
            await next(context);
        }
        finally
        {
            context.RequestAborted = caller;
        }
    });
}
