using Microsoft.AspNetCore.Http.Features;
using OpsPlatform.ServiceDefaults.Http;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Transforms;
using Yarp.ReverseProxy.Transforms.Builder;

namespace OpsPlatform.Gateway.Routing;

/// <summary>
/// A process that has begun anew at a known address listens before it can work, and says of each request that it did nothing. Such a
/// request goes on as if nobody had been reached.
/// </summary>
internal static class UntakenRequests
{
    /// <summary>Longer bodies have gone to the first instance and are here no more; their callers are told to send them again.</summary>
    private const int MaxKeptBodyBytes = 30 * 1024;

    public static void Recognise(TransformBuilderContext transforms) => transforms.AddResponseTransform(context =>
    {
        if (context.ProxyResponse?.Headers.Contains(NotTaken.Header) == true)
        {
            context.SuppressResponseBody = true;
            context.HttpContext.Features.Set<IForwarderErrorFeature>(new Untaken());
        }

        return default;
    });

    public static bool IsUntaken(this IForwarderErrorFeature? failure) => failure is Untaken;

    public static void KeepBody(HttpRequest request)
    {
        if (request.ContentLength is > 0 and <= MaxKeptBodyBytes)
        {
            request.EnableBuffering(MaxKeptBodyBytes);
        }
    }

    /// <returns>False when the body has gone and cannot be sent again.</returns>
    public static bool CanBeSentAgain(HttpRequest request)
    {
        if (request.Body.CanSeek)
        {
            request.Body.Position = 0;
            return true;
        }

        return request.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody != true;
    }

    private sealed class Untaken : IForwarderErrorFeature
    {
        public ForwarderError Error => ForwarderError.NoAvailableDestinations;

        public Exception? Exception => null;
    }
}
