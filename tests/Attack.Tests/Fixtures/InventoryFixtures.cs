namespace OpsPlatform.Attack.Tests.Fixtures;

internal static class InventoryFixtures
{
    public static FixtureTable Table { get; } = new()
    {
        { "POST /ingredients", world => Call.Post("/ingredients", world.IngredientBody(Guid.NewGuid())) },
        { "GET /ingredients", world => Call.Get("/ingredients").WithQuery("kind", "ingredient").WithQuery("q", world.Marker).WithQuery("limit", 5) },
        { "GET /ingredients/{id}", async world => Call.Get($"/ingredients/{await world.Ingredient()}") },
        { "PUT /ingredients/{id}", async world => Call.Put($"/ingredients/{await world.NewIngredient()}", world.IngredientChange()) },
        { "DELETE /ingredients/{id}", async world => Call.Delete($"/ingredients/{await world.NewIngredient()}") },
        { "POST /ingredients/{id}/stock", async world => Call.Post($"/ingredients/{await world.NewIngredient()}/stock", world.StockChange()) },
        { "GET /ingredients/{id}/log", async world => Call.Get($"/ingredients/{await world.Ingredient()}/log").WithQuery("limit", 5) },
        { "POST /inventory/imports", async world => Call.Post("/inventory/imports", await world.ImportBody()) },
        { "POST /inventory/imports/preview", async world => Call.Post("/inventory/imports/preview", await world.ImportBody()) },
        { "GET /inventory/imports/{id}", async world => Call.Get($"/inventory/imports/{await world.Import()}") },
        { "GET /inventory/imports/{id}/lines", async world => Call.Get($"/inventory/imports/{await world.Import()}/lines").WithQuery("outcome", "applied").WithQuery("limit", 5) },
        { "GET /inventory/imports/{id}/undo", async world => Call.Get($"/inventory/imports/{await world.Import()}/undo") },
        { "POST /inventory/imports/{id}/undo", async world => Call.Post($"/inventory/imports/{await world.NewImport()}/undo") },
        { "GET /inventory/operations/{id}/undo", async world => Call.Get($"/inventory/operations/{await world.Import()}/undo") },
        { "POST /inventory/operations/{id}/undo", async world => Call.Post($"/inventory/operations/{await world.NewImport()}/undo") },
        { "POST /inventory/ingredients/bulk", async world => Call.Post("/inventory/ingredients/bulk", await world.ChangesBody()) },
        { "GET /inventory/ingredients/bulk/{id}/lines", async world => Call.Get($"/inventory/ingredients/bulk/{await world.Change()}/lines").WithQuery("outcome", "changed").WithQuery("limit", 5) },
        { "POST /recipes", async world => Call.Post("/recipes", world.RecipeBody(await world.Ingredient(), Guid.NewGuid())) },
        { "GET /recipes", _ => Call.Get("/recipes").WithQuery("limit", 5) },
        { "GET /recipes/{id}", async world => Call.Get($"/recipes/{await world.Recipe()}") },
        { "PUT /recipes/{id}", async world => Call.Put($"/recipes/{await world.NewRecipe()}", world.RecipeBody(await world.Ingredient())) },
        { "DELETE /recipes/{id}", async world => Call.Delete($"/recipes/{await world.NewRecipe()}") },
        { "GET /recipes/{id}/versions", async world => Call.Get($"/recipes/{await world.Recipe()}/versions").WithQuery("limit", 5) },
        { "GET /recipes/{id}/deletion", async world => Call.Get($"/recipes/{await world.Recipe()}/deletion") },
        // Two admins beside who asks would have to agree to it, and there is one at most.
        { "POST /recipes/{id}/deletion", async world => Call.Post($"/recipes/{await world.NewRecipe()}/deletion", new { reason = world.Name("reason") }) with { RightRefusal = 422 } },
        { "GET /recipes/availability", _ => Call.Get("/recipes/availability").WithQuery("quantity", 1).WithQuery("limit", 5) },
        { "GET /recipes/{id}/availability", async world => Call.Get($"/recipes/{await world.Recipe()}/availability").WithQuery("quantity", 1) },
        { "GET /inventory/log", async world => Call.Get("/inventory/log").WithQuery("ingredientId", await world.Ingredient()).WithQuery("limit", 5) },
        { "GET /inventory/status", _ => Call.Get("/inventory/status").WithQuery("limit", 5) },
        { "GET /inventory/export/consumption", _ => Call.Get("/inventory/export/consumption").WithQuery("limit", 5) },
        { "GET /inventory/totals", _ => Call.Get("/inventory/totals") },
    };
}
