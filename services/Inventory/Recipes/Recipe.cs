using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace OpsPlatform.Inventory.Recipes;

/// <summary>What makes a number of pieces out of ingredients and other recipes.</summary>
internal sealed class Recipe
{
    public Guid OrgId { get; init; }

    public Guid Id { get; init; }

    public required string Code { get; set; }

    public required string Name { get; set; }

    /// <summary>How many pieces the lines make.</summary>
    public decimal YieldQuantity { get; set; }

    public required string YieldUnit { get; set; }

    public required IReadOnlyList<RecipeLine> Lines { get; set; }

    public long RowVersion { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }
}

/// <summary>An ingredient in its unit, or a recipe in its yield pieces; exactly one of both.</summary>
internal sealed record RecipeLine([Quantity(AboveZero = true)] decimal Quantity, Guid? IngredientId = null, Guid? RecipeId = null) : IValidatableObject
{
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if ((IngredientId is null) == (RecipeId is null))
        {
            yield return new("Give either ingredientId or recipeId.", [nameof(IngredientId)]);
        }
    }
}

internal static class RecipeLines
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    public static ValueConverter<IReadOnlyList<RecipeLine>, string> Converter { get; } = new(
        lines => JsonSerializer.Serialize(lines, Json),
        text => JsonSerializer.Deserialize<IReadOnlyList<RecipeLine>>(text, Json)!);

    public static ValueComparer<IReadOnlyList<RecipeLine>> Comparer { get; } = new(
        (a, b) => a!.SequenceEqual(b!),
        lines => lines.Count,
        lines => lines);

    /// <summary>One line per thing: what is named twice is added.</summary>
    public static IReadOnlyList<RecipeLine> Merged(IReadOnlyList<RecipeLine> lines) =>
    [
        .. lines.GroupBy(line => (line.IngredientId, line.RecipeId))
            .Select(same => new RecipeLine(same.Sum(line => line.Quantity), same.Key.IngredientId, same.Key.RecipeId)),
    ];
}

/// <param name="YieldQuantity">How many pieces the lines make.</param>
internal sealed record RecipeResponse(
    Guid Id,
    string Code,
    string Name,
    decimal YieldQuantity,
    string YieldUnit,
    IReadOnlyList<RecipeLine> Lines,
    long RowVersion,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt)
{
    public static RecipeResponse Of(Recipe x) =>
        new(x.Id, x.Code, x.Name, x.YieldQuantity, x.YieldUnit, x.Lines, x.RowVersion, x.CreatedAt, x.UpdatedAt);
}
