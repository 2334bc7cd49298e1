using OpsPlatform.ServiceDefaults;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Bulk;

internal static class BulkEndpoints
{
    public static void AddBulk(this WebApplicationBuilder builder)
    {
        builder.Services.AddScoped<BulkRun>();
        builder.AddOperations("operations", work => work.Do<CancelMany, BulkArgs>().Do<RetryMany, BulkArgs>());
    }

    public static void MapBulk(this WebApplication app)
    {
        var operations = app.MapApi("/operations").WithTags("bulk");
        operations.MapPost("/bulk", StartBulk.Handle).ProducesProblem(StatusCodes.Status422UnprocessableEntity);
        operations.MapGet("/{id:guid}/bulk", ListBulkItems.Handle);
    }
}
