using Yarp.ReverseProxy.Transforms;
using Yarp.ReverseProxy.Transforms.Builder;

namespace OpsPlatform.Gateway.Routing;

/// <summary>Feeds stay open for as long as both ends want, but never hold up a shutdown.</summary>
internal static class Streams
{
    public const string Path = "/sync/feed";

    private const string MediaType = "text/event-stream";

    /// <summary>A poll that waits may end by itself in this time; what waits longer is told to come again.</summary>
    private static readonly TimeSpan PollsMayTake = TimeSpan.FromSeconds(12);

    /// <summary>A stream is ended whole and with the hint to come again, so that a browser reconnects at once to another instance.</summary>
    public static void EndStreamsOnShutdown(TransformBuilderContext transforms)
    {
        var stopping = transforms.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        transforms.AddResponseTransform(context =>
        {
            if (context.ProxyResponse is { Content.Headers.ContentType.MediaType: MediaType } response)
            {
                response.Content = new EndingContent(response.Content, stopping);
            }

            return default;
        });
    }

    /// <summary>Whether a request there may be a poll that is answered late.</summary>
    private static bool MayWait(string path) => path.Equals(Path, StringComparison.OrdinalIgnoreCase)
        || (path.StartsWith("/operations/", StringComparison.OrdinalIgnoreCase) && (path.EndsWith("/wait", StringComparison.OrdinalIgnoreCase) || path.EndsWith("/feed", StringComparison.OrdinalIgnoreCase)));

    public static void UseLongPollsEndOnShutdown(this WebApplication app) => app.Use(async (context, next) =>
    {
        if (!MayWait(context.Request.Path.Value ?? ""))
        {
            await next(context);
            return;
        }

        var caller = context.RequestAborted;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(caller);
        using var stopping = app.Lifetime.ApplicationStopping.Register(() => either.CancelAfter(PollsMayTake));

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
