using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Inventory;

/// <summary>Every refusal this service answers.</summary>
internal static class Problems
{
    public static ProblemHttpResult IdTaken(Guid id) => Problem.Of(
        "id-taken", 409, "This id is taken.", $"{id} is stored with other content, or was deleted. Send the same content to repeat a request, or another id.");

    public static ProblemHttpResult CodeTaken(string code) => Problem.Of(
        "code-taken", 409, "This code is taken.", $"'{code}' belongs to another id.", ("code", code));

    public static ProblemHttpResult IngredientInUse() => Problem.Of(
        "ingredient-in-use", 409, "A recipe needs this ingredient.", "Take it out of every recipe first.");

    public static ProblemHttpResult NotEnoughStock(decimal available) => Problem.Of(
        "not-enough-stock", 409, "There is not that much in stock.", $"{available} is available.", ("available", available));

    public static ProblemHttpResult StockLimit(decimal limit) => Problem.Of(
        "stock-limit", 409, "That is more than stock can hold.", $"At most {limit} of one ingredient can be kept.", ("limit", limit));

    public static ProblemHttpResult ImportRunning(Guid id) => Problem.Of(
        "import-running", 409, "The import has not ended.", "Take it back once all of its lines are done, or cancel its operation first.", ("operation", $"/operations/{id}"));

    public static ProblemHttpResult ImportUndone(Guid undo) => Problem.Of(
        "import-undone", 409, "The import is taken back already.", "See the operation, and the import's lines for those that could not be.", ("operation", $"/operations/{undo}"));

    public static ProblemHttpResult RecipeInUse() => Problem.Of(
        "recipe-in-use", 409, "Another recipe contains this recipe.", "Take it out of every recipe first.");

    public static ProblemHttpResult DeletionUnderWay(Guid operation) => Problem.Of(
        "deletion-under-way", 409, "Somebody has asked for this already.", "Vote on that operation, or cancel it first.", ("operation", $"/operations/{operation}"));

    public static ProblemHttpResult RecipeCycle() => Problem.Of(
        "recipe-cycle", 422, "The recipe would contain itself.", "One of its recipes contains it, directly or through others.");

    public static ProblemHttpResult RecipeTooDeep(int limit) => Problem.Of(
        "recipe-too-deep", 422, "Recipes are nested too deep.", $"At most {limit} recipes may contain each other in a chain.", ("limit", limit));

    public static ProblemHttpResult RecipeTooComplex() => Problem.Of(
        "recipe-too-complex", 422, "What one piece needs cannot be kept exactly, or is more than there can be.", "Use rounder yields and smaller quantities in it and in the recipes it contains.");

    public static ProblemHttpResult UnknownReference(IReadOnlyList<Guid> ids) => Problem.Of(
        "unknown-reference", 422, "The recipe names things that do not exist.", "See unknown for their ids.", ("unknown", ids));
}
