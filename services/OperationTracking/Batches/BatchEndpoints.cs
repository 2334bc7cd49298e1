using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Batches;

internal static class BatchEndpoints
{
    public static void AddBatches(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<BatchSignal>();
        builder.Services.AddScoped<BatchTurn>();
        builder.Services.AddHostedService<RollUpBatches>();
    }

    public static void MapBatches(this WebApplication app) =>
        app.MapApi("/operations").WithTags("batches").MapPost("/{id:guid}/close", CloseBatch.Handle).ProducesProblem(StatusCodes.Status409Conflict);
}
