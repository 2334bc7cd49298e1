using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tickets;

namespace OpsPlatform.Sync.Feed;

internal static class FeedEndpoints
{
    public static void MapFeed(this WebApplication app)
    {
        var sync = app.MapApi("/sync");
        sync.MapGet("/feed", GetFeed.Handle)
            .RequireAuthorization(TicketAuthentication.Policy)
            .Produces<FeedDocument>(StatusCodes.Status200OK, "application/json", "text/event-stream")
            .ProducesProblem(StatusCodes.Status410Gone)
            .ProducesProblem(StatusCodes.Status429TooManyRequests);
        sync.MapGet("/stats", GetFeedStats.Handle);
        sync.MapTickets();
    }
}
