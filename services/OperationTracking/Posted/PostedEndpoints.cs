using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Posted;

internal static class PostedEndpoints
{
    public static void AddPosted(this WebApplicationBuilder builder)
    {
        builder.Services.AddScoped<PostedParent>();
        builder.Services.AddHostedService<TimeOutPosted>();
    }

    public static void MapPosted(this WebApplication app)
    {
        var operations = app.MapApi("/operations").WithTags("posted");
        operations.MapPost("/", PostOperation.Handle)
            .ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status429TooManyRequests);
        operations.MapPost("/{id:guid}/begin", BeginOperation.Handle).ProducesProblem(StatusCodes.Status409Conflict);
        operations.MapPost("/{id:guid}/reports", ReportOperation.Handle).ProducesProblem(StatusCodes.Status409Conflict);
        operations.MapPost("/{id:guid}/end", EndOperation.Handle).ProducesProblem(StatusCodes.Status409Conflict);
    }
}
