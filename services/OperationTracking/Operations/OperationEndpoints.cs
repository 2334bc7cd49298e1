using OpsPlatform.OperationTracking.Feed;
using OpsPlatform.OperationTracking.Statistics;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tickets;

namespace OpsPlatform.OperationTracking.Operations;

internal static class OperationEndpoints
{
    private static readonly TimeSpan TicketLifetime = TimeSpan.FromMinutes(1);

    public static void AddTracking(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<OperationWatch>();
        builder.Services.AddSingleton<History>();
        builder.Services.AddSingleton<FeedHub>();
        builder.Services.AddTicketAuthentication(TicketLifetime);
        builder.Services.AddScoped<FeedReader>();
        builder.Services.AddScoped<OperationReader>();
        builder.Services.AddScoped<OperationMoves>();
        builder.Services.AddScoped<TellAfterCommit>();
        builder.Services.ConfigureDbContext<OperationsDb>((services, options) => options.AddInterceptors(services.GetRequiredService<TellAfterCommit>()));
        builder.Services.AddSingleton<ForgetOperations>();
        builder.Services.AddHostedService(services => services.GetRequiredService<ForgetOperations>());
    }

    public static void MapOperations(this WebApplication app)
    {
        var operations = app.MapApi("/operations");
        operations.MapGet("/", ListOperations.Handle);
        operations.MapTickets();
        operations.MapGet("/feed", GetFeed.Handle)
            .RequireAuthorization(TicketAuthentication.Policy)
            .Produces<GetFeed.FeedPage>(StatusCodes.Status200OK, "application/json", "text/event-stream")
            .ProducesProblem(StatusCodes.Status410Gone)
            .ProducesProblem(StatusCodes.Status429TooManyRequests);
        operations.MapGet("/statistics", GetStatistics.Handle).RequireAuthorization(Roles.Admin);
        operations.MapGet("/{id:guid}", GetOperation.Handle);
        operations.MapGet("/{id:guid}/status", GetOperationStatus.Handle);
        operations.MapGet("/{id:guid}/wait", WaitForOperation.Handle).ProducesProblem(StatusCodes.Status429TooManyRequests);
        operations.MapGet("/{id:guid}/events", StreamOperation.Handle)
            .RequireAuthorization(TicketAuthentication.Policy)
            .Produces<OperationView>(StatusCodes.Status200OK, "text/event-stream")
            .ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status429TooManyRequests);
        operations.MapPost("/{id:guid}/cancel", CancelOperation.Handle);
        operations.MapPost("/{id:guid}/retry", RetryOperation.Handle)
            .ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status429TooManyRequests);
    }
}
