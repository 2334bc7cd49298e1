using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Inventory.Recipes;

internal static class RecipeEndpoints
{
    public static void MapRecipes(this WebApplication app)
    {
        var recipes = app.MapApi("/recipes").WithTags("Recipes");
        recipes.MapPost("/", CreateRecipe.Handle).RequireAuthorization(Roles.Admin);
        recipes.MapGet("/", ListRecipes.Handle);
        recipes.MapGet("/{id:guid}", GetRecipe.Handle);
        recipes.MapPut("/{id:guid}", UpdateRecipe.Handle).RequireAuthorization(Roles.Admin);
        recipes.MapDelete("/{id:guid}", DeleteRecipe.Handle).RequireAuthorization(Roles.Admin);
        recipes.MapGet("/{id:guid}/versions", ListRecipeVersions.Handle);
        recipes.MapGet("/{id:guid}/deletion", PreviewRecipeDeletion.Handle).RequireAuthorization(Roles.Admin);
        recipes.MapPost("/{id:guid}/deletion", StartRecipeDeletion.Handle).RequireAuthorization(Roles.Admin);
        recipes.MapGet("/availability", GetRecipeAvailability.HandleList);
        recipes.MapGet("/{id:guid}/availability", GetRecipeAvailability.Handle);
    }
}
