using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Security.Claims;
using Microsoft.AspNetCore.Mvc;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Feed;

/// <summary>
/// What becomes of the operations that the caller sees, as a page that waits for its first entry or as server-sent events: from a position on,
/// or first all that are under way. States are told whole, so one that comes twice does no harm; reset (410 on a page) means: begin without a position.
/// </summary>
internal static class GetFeed
{
    private static readonly TimeSpan KeepAliveInterval = TimeSpan.FromSeconds(15);

    /// <param name="After">The position of the page before; left out, the page holds what is under way.</param>
    /// <param name="Wait">Seconds a page waits for its first entry.</param>
    // The rules are on the properties because OpenAPI cannot be generated when they are on the constructor's parameters.
    internal sealed record FeedRequest(
        [FromQuery(Name = "after")][property: AtLeast(0)] long? After,
        [FromQuery(Name = "wait")][property: Range(0, 30)] int? Wait,
        [FromQuery(Name = "tag")][property: MaxLength(200)] string? Tag,
        [FromQuery(Name = "operationType")][property: MaxLength(200)] string? OperationType,
        [FromHeader(Name = "Last-Event-ID")][property: RegularExpression(@"\d{0,18}")] string? LastEventId);

    /// <param name="Position">For the next page's after.</param>
    public sealed record FeedPage(long Position, IReadOnlyList<OperationView> Items);

    public static async Task<IResult> Handle(
        [AsParameters] FeedRequest request, ClaimsPrincipal user, HttpContext http, Caller caller, FeedReader reader, FeedHub hub, OperationWatch watches,
        TimeProvider time, IHostApplicationLifetime lifetime)
    {
        using var place = watches.TryStart(caller.Org, Guid.Empty);
        if (place is null)
        {
            return Problems.TooManyWaiters(http, OperationWatch.MostPerOrganisation);
        }

        var filter = new FeedFilter(Viewer.Of(user), request.Tag, request.OperationType);
        // Before the first read: what changes meanwhile is told twice rather than never.
        using var subscription = await hub.Subscribe(caller.Org, http.RequestAborted);
        return http.Request.Headers.Accept.ToString().Contains("text/event-stream", StringComparison.OrdinalIgnoreCase)
            ? await Stream(request, filter, subscription, user, http, reader, time, lifetime)
            : await Page(request, filter, subscription, http, reader, time, lifetime);
    }

    private static async Task<IResult> Page(
        FeedRequest request, FeedFilter filter, FeedSubscription subscription, HttpContext http, FeedReader reader, TimeProvider time, IHostApplicationLifetime lifetime)
    {
        var batch = await First(request.After, reader, http.RequestAborted);
        using var timeUp = new CancellationTokenSource(TimeSpan.FromSeconds(request.Wait ?? 0), time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping, timeUp.Token);
        var (position, items) = (batch.Position, filter.Of(batch).ToList());
        try
        {
            while (!batch.IsOutOfReach && items.Count == 0 && await subscription.Batches.WaitToReadAsync(ended.Token) && subscription.Batches.TryRead(out var next))
            {
                // At the same position only progress was made, which is no entry.
                (batch, position, items) = (next, Math.Max(position, next.Position), next.Position > position ? [.. filter.Of(next)] : []);
            }
        }
        catch (OperationCanceledException) when (!http.RequestAborted.IsCancellationRequested)
        {
            // The time is up.
        }

        return batch.IsOutOfReach ? Problems.FeedReset() : TypedResults.Ok(new FeedPage(position, items));
    }

    private static async Task<IResult> Stream(
        FeedRequest request, FeedFilter filter, FeedSubscription subscription, ClaimsPrincipal user, HttpContext http, FeedReader reader, TimeProvider time, IHostApplicationLifetime lifetime)
    {
        using var ended = EventStream.EndOf(user, http, time, lifetime);
        try
        {
            await EventStream.Begin(http);
            var after = string.IsNullOrEmpty(request.LastEventId) ? request.After : long.Parse(request.LastEventId, CultureInfo.InvariantCulture);
            var events = new EventWriter(http.Response.BodyWriter);
            await Write(await First(after, reader, ended.Token), filter, events, ended.Token);
            while (true)
            {
                var waiting = subscription.Batches.WaitToReadAsync(ended.Token).AsTask();
                if (await Task.WhenAny(waiting, Task.Delay(KeepAliveInterval, time, ended.Token)) != waiting)
                {
                    ended.Token.ThrowIfCancellationRequested();
                    events.KeepAlive();
                    await events.Send(ended.Token);
                }
                else if (!await waiting)
                {
                    return Results.Empty;
                }

                while (subscription.Batches.TryRead(out var batch))
                {
                    await Write(batch, filter, events, ended.Token);
                }
            }
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The reader left, its token expired or the process stops: each is how a stream ends.
        }

        return Results.Empty;
    }

    private static Task<FeedBatch> First(long? after, FeedReader reader, CancellationToken cancel) =>
        after is { } position ? reader.After(position, new HashSet<Guid>(), cancel) : reader.Open(cancel);

    private static async Task Write(FeedBatch batch, FeedFilter filter, EventWriter events, CancellationToken cancel)
    {
        var id = $"{batch.Position}";
        if (batch.IsOutOfReach)
        {
            events.Add("reset", id, new { });
        }

        foreach (var operation in filter.Of(batch))
        {
            events.Add("operation", id, operation);
        }

        await events.Send(cancel);
    }
}
