using System.Text.Json;
using OpsPlatform.Inventory.Ingredients;

namespace OpsPlatform.Inventory.Stock;

internal enum ChangeType
{
    Increase,
    Decrease,
    Adjustment,
    Consumption,
}

internal enum ReferenceType
{
    Order,
    Production,
    Purchase,
    Manual,
}

/// <summary>One movement of one ingredient's stock; never changed once written.</summary>
internal sealed class StockLogEntry
{
    public const string OpeningReason = "opening stock";
    private const long TicksPerStoredMicrosecond = TimeSpan.TicksPerMicrosecond;

    public Guid OrgId { get; init; }

    /// <summary>That of the ingredient itself for its opening stock, which so is logged once.</summary>
    public Guid Id { get; init; }

    /// <summary>Rises in the order in which an ingredient's stock moved.</summary>
    public long Seq { get; init; }

    public Guid IngredientId { get; init; }

    public ChangeType ChangeType { get; init; }

    public decimal QuantityBefore { get; init; }

    public decimal QuantityAfter { get; init; }

    public decimal QuantityChanged { get; init; }

    public string? Reason { get; init; }

    public ReferenceType ReferenceType { get; init; }

    public Guid? ReferenceId { get; init; }

    public string? TriggeredBy { get; init; }

    /// <summary>A JSON object.</summary>
    public string? Metadata { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public static StockLogEntry Opening(Ingredient ingredient, string? actor, TimeProvider time) => new()
    {
        OrgId = ingredient.OrgId,
        Id = ingredient.Id,
        IngredientId = ingredient.Id,
        ChangeType = ChangeType.Increase,
        QuantityBefore = 0,
        QuantityAfter = ingredient.Stock,
        QuantityChanged = ingredient.Stock,
        Reason = OpeningReason,
        ReferenceType = ReferenceType.Manual,
        TriggeredBy = actor,
        CreatedAt = Now(time),
    };

    /// <summary>To the microsecond, as it is stored: what is answered at once equals what is read later.</summary>
    public static DateTimeOffset Now(TimeProvider time)
    {
        var now = time.GetUtcNow();
        return now.AddTicks(-(now.Ticks % TicksPerStoredMicrosecond));
    }
}

/// <param name="QuantityChanged">What came (above 0) or went (below 0), in the ingredient's unit.</param>
/// <param name="TriggeredBy">User id, or the service that acted.</param>
internal sealed record StockLogResponse(
    Guid Id,
    Guid IngredientId,
    ChangeType ChangeType,
    decimal QuantityBefore,
    decimal QuantityAfter,
    decimal QuantityChanged,
    string? Reason,
    ReferenceType ReferenceType,
    Guid? ReferenceId,
    string? TriggeredBy,
    JsonElement? Metadata,
    DateTimeOffset CreatedAt)
{
    public static StockLogResponse Of(StockLogEntry x) => new(
        x.Id, x.IngredientId, x.ChangeType, x.QuantityBefore, x.QuantityAfter, x.QuantityChanged, x.Reason, x.ReferenceType, x.ReferenceId, x.TriggeredBy,
        x.Metadata is null ? null : JsonElement.Parse(x.Metadata), x.CreatedAt);
}
