using System.Security.Claims;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>
/// Sends an operation as server-sent events, first as it is and then each time it has changed; ends by itself after the event of the end.
/// With Last-Event-ID, an operation that is as the reader knows it is not sent first.
/// </summary>
internal static class StreamOperation
{
    /// <summary>The clock's timers take no more; tokens live ten minutes.</summary>
    private static readonly TimeSpan MaxLifetime = TimeSpan.FromDays(1);

    public static async Task<IResult> Handle(
        Guid id, [FromHeader(Name = "Last-Event-ID")] string? lastEventId, ClaimsPrincipal user, HttpContext http, Caller caller, OperationReader reader,
        OperationWatch watches, TimeProvider time, IHostApplicationLifetime lifetime)
    {
        if (await reader.RowOnceKnown(id, http.RequestAborted) is not { } row)
        {
            return TypedResults.NotFound();
        }

        if (!Viewer.Of(user).Sees(row))
        {
            return Problems.NotYours();
        }

        using var watch = watches.TryStart(caller.Org, id);
        if (watch is null)
        {
            return Problems.TooManyWaiters(http, OperationWatch.MostPerOrganisation);
        }

        using var expired = new CancellationTokenSource(TimeToLive(user, time), time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping, expired.Token);
        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        http.Response.ContentType = "text/event-stream";
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers["X-Accel-Buffering"] = "no";
        try
        {
            // Also when the process stops already: a reader comes again after a stream that ended, but not after a refusal.
            await http.Response.StartAsync(http.RequestAborted);
            // A reader that knows the present state hears nothing for a while, and must not wait for the headers as well.
            await http.Response.BodyWriter.FlushAsync(http.RequestAborted);
            await new OperationStream(http.Response.BodyWriter, new(row, watch, reader), time).Run(lastEventId, ended.Token);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The reader left, its token expired or the process stops: each is how a stream ends.
        }

        return Results.Empty;
    }

    private static TimeSpan TimeToLive(ClaimsPrincipal user, TimeProvider time)
    {
        var left = DateTimeOffset.FromUnixTimeSeconds(long.Parse(user.FindFirstValue("exp")!)) - time.GetUtcNow();
        return left < TimeSpan.Zero ? TimeSpan.Zero : left < MaxLifetime ? left : MaxLifetime;
    }
}
