using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Metadata;

internal static class MetadataEndpoints
{
    public static void AddMetadata(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<LatestMetadata>();
        builder.Services.AddScoped<MetadataKeeper>();
        builder.Services.AddHostedService<WriteMetadata>();
    }

    public static void MapMetadata(this WebApplication app) => app.MapApi("/operations").WithTags("posted").MapGet("/{id:guid}/metadata", GetMetadata.Handle);
}
