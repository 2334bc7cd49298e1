using System.Security.Claims;
using Microsoft.AspNetCore.Http.Features;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>How server-sent events begin and end, whatever they tell.</summary>
internal static class EventStream
{
    /// <summary>The clock's timers take no more; tokens live ten minutes.</summary>
    private static readonly TimeSpan MaxLifetime = TimeSpan.FromDays(1);

    /// <returns>Cancelled when the reader leaves, its token expires or the process stops.</returns>
    public static CancellationTokenSource EndOf(ClaimsPrincipal user, HttpContext http, TimeProvider time, IHostApplicationLifetime lifetime)
    {
        var expired = new CancellationTokenSource(TimeToLive(user, time), time);
        http.Response.RegisterForDispose(expired);
        return CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping, expired.Token);
    }

    public static async Task Begin(HttpContext http)
    {
        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        http.Response.ContentType = "text/event-stream";
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers["X-Accel-Buffering"] = "no";
        // Also when the process stops already: a reader comes again after a stream that ended, but not after a refusal.
        await http.Response.StartAsync(http.RequestAborted);
        // A reader that knows the present state hears nothing for a while, and must not wait for the headers as well.
        await http.Response.BodyWriter.FlushAsync(http.RequestAborted);
    }

    private static TimeSpan TimeToLive(ClaimsPrincipal user, TimeProvider time)
    {
        var left = DateTimeOffset.FromUnixTimeSeconds(long.Parse(user.FindFirstValue("exp")!)) - time.GetUtcNow();
        return left < TimeSpan.Zero ? TimeSpan.Zero : left < MaxLifetime ? left : MaxLifetime;
    }
}
