using System.Security.Claims;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Sync.Feed;

/// <summary>Answers with the organisation's feed from a position on: a page, a page that waits for its first entry, or a stream.</summary>
internal static class GetFeed
{
    /// <summary>The clock's timers take no more; tokens live ten minutes.</summary>
    private static readonly TimeSpan MaxStreamLifetime = TimeSpan.FromDays(1);

    /// <summary>A reader that does not read must not hold up a stop.</summary>
    private static readonly TimeSpan GoodbyeTimeout = TimeSpan.FromSeconds(1);

    public static Task<IResult> Handle(
        [AsParameters] FeedRequest request, HttpContext http, Caller caller, SyncDb db, FeedHub hub,
        IOptions<SyncOptions> options, TimeProvider time, IHostApplicationLifetime lifetime) =>
        request.Stream == 1 || http.Request.Headers.Accept.ToString().Contains("text/event-stream", StringComparison.OrdinalIgnoreCase)
            ? options.Value.RealTime ? Stream(request, http, caller, db, hub, options.Value, time, lifetime.ApplicationStopping) : Task.FromResult<IResult>(Problems.RealTimeOff())
            : Page(request, caller, db, hub, options.Value, time, http.RequestAborted, lifetime.ApplicationStopping);

    private static async Task<IResult> Page(
        FeedRequest request, Caller caller, SyncDb db, FeedHub hub, SyncOptions options, TimeProvider time,
        CancellationToken aborted, CancellationToken stopping)
    {
        var page = await ReadPage(request, caller.Org, db, aborted);
        if (page.Head.IsOutOfReach(request.After ?? 0))
        {
            return Problems.FeedReset(page.Head.Earliest);
        }

        if (request.WaitTime == TimeSpan.Zero || page.Batch.Frames.Count > 0)
        {
            return new FeedPageResult(page);
        }

        using var subscription = hub.TryEnter(caller.Org, caller.Actor!);
        if (subscription is null)
        {
            return Problems.TooManyStreams(options);
        }

        using var timeUp = new CancellationTokenSource(request.WaitTime, time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(aborted, stopping, timeUp.Token);
        subscription.Attach();
        while (true)
        {
            // A filter reads the feed a window at a time, so an empty page may have more behind it.
            request = request with { After = page.Batch.UpTo };
            page = await ReadPage(request, caller.Org, db, aborted);
            if (page.Batch.Frames.Count > 0 || subscription.IsBehind || ended.IsCancellationRequested || page.Head.IsOutOfReach(page.Batch.UpTo))
            {
                return new FeedPageResult(page);
            }

            if (page.Batch.UpTo == page.Head.Position && subscription.IsLiveAt(page.Head.Position))
            {
                await WaitForWanted(subscription, page.Head.Position, request.Filter, ended.Token);
            }
        }
    }

    private static async Task WaitForWanted(Subscription subscription, long after, FeedFilter filter, CancellationToken ended)
    {
        while (!subscription.IsBehind && !ended.IsCancellationRequested)
        {
            if (!subscription.TryTake(out var batch))
            {
                await ((Task)subscription.Wait().WaitAsync(ended)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            else if (batch.Frames.Any(frame => frame.Position > after && filter.Admits(frame)))
            {
                return;
            }
        }
    }

    private static async Task<IResult> Stream(
        FeedRequest request, HttpContext http, Caller caller, SyncDb db, FeedHub hub, SyncOptions options, TimeProvider time,
        CancellationToken stopping)
    {
        using var subscription = hub.TryEnter(caller.Org, caller.Actor!);
        if (subscription is null)
        {
            return Problems.TooManyStreams(options);
        }

        using var expired = new CancellationTokenSource(TimeToLive(http.User, time), time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, stopping, expired.Token);
        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        http.Response.ContentType = "text/event-stream";
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers["X-Accel-Buffering"] = "no";
        var stream = new FeedStream(http.Response.BodyWriter, db, subscription, request.Filter, options, time);
        try
        {
            // Also when the process stops already: a browser comes again after a stream that ended, but not after a refusal.
            await http.Response.StartAsync(http.RequestAborted);
            await stream.Run(request.StreamAfter, ended.Token);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The reader left, its token expired or the process stops: each is how a stream ends.
            if (stopping.IsCancellationRequested && !http.RequestAborted.IsCancellationRequested)
            {
                await SayGoodbye(stream, time);
            }
        }

        return Results.Empty;
    }

    private static async Task SayGoodbye(FeedStream stream, TimeProvider time)
    {
        using var timeout = new CancellationTokenSource(GoodbyeTimeout, time);
        try
        {
            await stream.SayGoodbye(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            // It will notice by the end of the stream.
        }
    }

    private static Task<FeedPage> ReadPage(FeedRequest request, Guid org, SyncDb db, CancellationToken cancel) => db.Read(
        connection => FeedTable.ReadPage(connection, org, request.After ?? 0, request.PageLimit, request.Filter, cancel), cancel);

    private static TimeSpan TimeToLive(ClaimsPrincipal user, TimeProvider time)
    {
        var left = DateTimeOffset.FromUnixTimeSeconds(long.Parse(user.FindFirstValue("exp")!)) - time.GetUtcNow();
        return left < TimeSpan.Zero ? TimeSpan.Zero : left < MaxStreamLifetime ? left : MaxStreamLifetime;
    }
}
