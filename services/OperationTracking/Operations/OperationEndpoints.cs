using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Idempotency;
using OpsPlatform.ServiceDefaults.Tickets;

namespace OpsPlatform.OperationTracking.Operations;

internal static class OperationEndpoints
{
    public static void AddOperationViews(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<OperationWatch>();
        builder.Services.AddScoped<OperationReader>();
        builder.Services.AddScoped<OpenStream>();
        builder.Services.AddScoped<OperationMoves>();
        builder.Services.AddScoped<TellAfterCommit>();
        builder.Services.AddSingleton<WorkingService>();
        builder.Services.ConfigureDbContext<OperationsDb>((services, options) => options.AddInterceptors(services.GetRequiredService<TellAfterCommit>()));
        builder.Services.AddSingleton<ForgetOperations>();
        builder.Services.AddHostedService(services => services.GetRequiredService<ForgetOperations>());
    }

    public static void MapOperations(this WebApplication app)
    {
        var operations = app.MapApi("/operations");
        operations.MapGet("/", ListOperations.Handle);
        operations.MapGet("/{id:guid}", GetOperation.Handle);
        operations.MapGet("/{id:guid}/status", GetOperationStatus.Handle);
        operations.MapGet("/{id:guid}/wait", WaitForOperation.Handle).ProducesProblem(StatusCodes.Status429TooManyRequests);
        foreach (var stream in new[] { operations.MapGet("/events", StreamOperations.Handle), operations.MapGet("/{id:guid}/events", StreamOperation.Handle) })
        {
            stream.RequireAuthorization(TicketAuthentication.Policy)
                .Produces<OperationView>(StatusCodes.Status200OK, "text/event-stream")
                .ProducesProblem(StatusCodes.Status404NotFound)
                .ProducesProblem(StatusCodes.Status429TooManyRequests);
        }

        operations.MapGet("/{id:guid}/cancel", PreviewCancel.Handle);
        operations.MapPost("/{id:guid}/cancel", CancelOperation.Handle);
        operations.MapGet("/{id:guid}/undo", PreviewUndo.Handle)
            .ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable);
        operations.MapPost("/{id:guid}/undo", UndoOperation.Handle)
            .WithoutIdempotencyKey("An operation is undone once: sent again it is answered 409 with the operation that undoes it.")
            .ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable);
        operations.MapPost("/{id:guid}/retry", RetryOperation.Handle)
            .ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status429TooManyRequests);
    }
}
