using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Inventory.Imports;

internal static class ImportEndpoints
{
    public static void MapImports(this WebApplication app)
    {
        var imports = app.MapApi("/inventory/imports").WithTags("Imports");
        imports.MapPost("/", StartStockImport.Handle).RequireAuthorization(Roles.Staff);
        imports.MapPost("/preview", PreviewStockImport.Handle).RequireAuthorization(Roles.Staff);
        imports.MapGet("/{id:guid}", GetStockImport.Handle);
        imports.MapGet("/{id:guid}/lines", ListImportLines.Handle);
        imports.MapGet("/{id:guid}/undo", PreviewUndo.Handle).RequireAuthorization(Roles.Staff);
        imports.MapPost("/{id:guid}/undo", StartUndo.Handle).RequireAuthorization(Roles.Staff);
    }
}
