using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tickets;

namespace OpsPlatform.OperationTracking.Feed;

internal static class FeedEndpoints
{
    private static readonly TimeSpan TicketLifetime = TimeSpan.FromMinutes(1);

    public static void AddFeed(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<FeedHub>();
        builder.Services.AddScoped<FeedReader>();
        builder.Services.AddTicketAuthentication(TicketLifetime);
    }

    public static void MapFeed(this WebApplication app)
    {
        var operations = app.MapApi("/operations").WithTags("feed");
        operations.MapTickets();
        operations.MapGet("/feed", GetFeed.Handle)
            .RequireAuthorization(TicketAuthentication.Policy)
            .Produces<GetFeed.FeedPage>(StatusCodes.Status200OK, "application/json", "text/event-stream")
            .ProducesProblem(StatusCodes.Status410Gone)
            .ProducesProblem(StatusCodes.Status429TooManyRequests);
    }
}
