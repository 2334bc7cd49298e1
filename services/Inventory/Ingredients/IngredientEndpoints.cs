using OpsPlatform.Inventory.Changes;
using OpsPlatform.Inventory.Stock;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Inventory.Ingredients;

internal static class IngredientEndpoints
{
    public static void MapIngredients(this WebApplication app)
    {
        var ingredients = app.MapApi("/ingredients").WithTags("Ingredients");
        ingredients.MapPost("/", CreateIngredient.Handle).RequireAuthorization(Roles.Admin);
        ingredients.MapGet("/", ListIngredients.Handle);
        ingredients.MapGet("/{id:guid}", GetIngredient.Handle);
        ingredients.MapPut("/{id:guid}", UpdateIngredient.Handle).RequireAuthorization(Roles.Admin);
        ingredients.MapDelete("/{id:guid}", DeleteIngredient.Handle).RequireAuthorization(Roles.Admin);
        ingredients.MapPost("/{id:guid}/stock", ChangeStock.Handle).RequireAuthorization(Roles.Staff);
        ingredients.MapGet("/{id:guid}/log", ListStockLog.HandleOfIngredient);
        var changes = app.MapApi("/inventory/ingredients/bulk").WithTags("Ingredients");
        changes.MapPost("/", StartIngredientChange.Handle).RequireAuthorization(Roles.Admin);
        changes.MapGet("/{id:guid}/lines", ListIngredientChanges.Handle);
    }
}
