using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Mvc;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Sync.Feed;

/// <summary>What a reader asks for, as a page or as a stream.</summary>
/// <param name="After">The last position the reader has. Left out, a page begins with the feed and a stream with now.</param>
/// <param name="Limit">Entries per page.</param>
/// <param name="Wait">Seconds a page waits for its first entry.</param>
/// <param name="Stream">1 asks for server-sent events, as Accept: text/event-stream does.</param>
/// <param name="LastEventId">The last id a stream gave; goes before <paramref name="After"/>.</param>
/// <param name="Ticket">From POST /sync/tickets, in place of a bearer token; the authentication reads it.</param>
// The rules are on the properties because OpenAPI cannot be generated when they are on the constructor's parameters.
internal sealed record FeedRequest(
    [FromQuery(Name = "after")][property: AtLeast(0)] long? After,
    [FromQuery(Name = "limit")][property: Range(1, FeedTable.MaxPage)] int? Limit,
    [FromQuery(Name = "wait")][property: Range(0, 30)] int? Wait,
    [FromQuery(Name = "entityType")][property: MaxLength(20)] string[]? EntityType,
    [FromQuery(Name = "eventType")][property: MaxLength(20)] string[]? EventType,
    [FromQuery(Name = "stream")][property: Range(0, 1)] int? Stream,
    [FromQuery(Name = "ticket")] string? Ticket,
    [FromHeader(Name = "Last-Event-ID")][property: RegularExpression(@"\d{0,18}")] string? LastEventId)
{
    private const int DefaultLimit = 200;

    public int PageLimit => Limit ?? DefaultLimit;

    public long? StreamAfter => string.IsNullOrEmpty(LastEventId) ? After : long.Parse(LastEventId);

    public TimeSpan WaitTime => TimeSpan.FromSeconds(Wait ?? 0);

    public FeedFilter Filter => new(EntityType ?? [], EventType ?? []);
}
