using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Orders.Exports;

internal static class ExportEndpoints
{
    public static void AddExports(this WebApplicationBuilder builder) => builder.Services.AddHostedService<ForgetExports>();

    public static void MapExports(this WebApplication app)
    {
        var exports = app.MapApi("/orders/exports");
        exports.MapPost("/", StartOrderExport.Handle).RequireAuthorization(Roles.Staff);
        exports.MapGet("/{id:guid}/file", DownloadOrderExport.Handle);
    }
}
