using OpsPlatform.Inventory.Stock;

namespace OpsPlatform.Inventory.Imports;

/// <summary>Many movements of stock at once.</summary>
internal sealed class StockImport
{
    public required Guid OrgId { get; init; }

    public required Guid Id { get; init; }

    public string? Note { get; init; }

    public required int Total { get; init; }

    public int Applied { get; set; }

    public int Failed { get; set; }

    public string? RequestedBy { get; init; }

    public required DateTimeOffset RequestedAt { get; init; }

    public Guid? UndoId { get; set; }
}

internal enum LineOutcome
{
    Waiting,
    Applied,
    Failed,
    Undone,
    NotUndone,
}

/// <summary>Why a line cannot be done.</summary>
internal enum LineRefusal
{
    UnknownCode,
    NotEnough,
    TooMuch,
}

internal sealed class StockImportLine
{
    public required Guid OrgId { get; init; }

    public required Guid ImportId { get; init; }

    /// <summary>From 1, as in the request.</summary>
    public required int LineNo { get; init; }

    public required string Code { get; init; }

    public required ChangeType ChangeType { get; init; }

    public required decimal Quantity { get; init; }

    public string? Reason { get; init; }

    public LineOutcome Outcome { get; private set; }

    /// <summary>Why it was not done, for people.</summary>
    public string? Error { get; private set; }

    public Guid? IngredientId { get; private set; }

    public decimal? QuantityBefore { get; private set; }

    public decimal? QuantityAfter { get; private set; }

    /// <returns>The stock after it, or why it cannot be done, for people and in short.</returns>
    public (decimal After, string? Error, LineRefusal? Refusal) Apply(LockedStock.Item? item)
    {
        if (item is null)
        {
            return (0, "No ingredient has this code.", LineRefusal.UnknownCode);
        }

        var after = ChangeType switch
        {
            ChangeType.Increase => item.Stock + Quantity,
            ChangeType.Decrease => item.Stock - Quantity,
            _ => Quantity,
        };
        return after switch
        {
            < 0 => (after, $"Only {Number(item.Stock)} {item.Unit} are in stock.", LineRefusal.NotEnough),
            > ChangeStock.MaxStock => (after, $"At most {Number(ChangeStock.MaxStock)} {item.Unit} of one ingredient can be kept.", LineRefusal.TooMuch),
            _ => (after, null, null),
        };
    }

    /// <summary>What came goes and what went comes back; what was counted is only taken back while it still stands.</summary>
    /// <returns>The stock after it, or why it cannot be taken back.</returns>
    public (decimal After, string? Error) TakeBack(LockedStock.Item? item)
    {
        if (item is null)
        {
            return (0, "The ingredient was deleted since.");
        }

        var (before, then) = (QuantityBefore!.Value, QuantityAfter!.Value);
        if (ChangeType == ChangeType.Adjustment)
        {
            return (before, item.Stock == then ? null : $"It moved since: {Number(then)} {item.Unit} were counted and {Number(item.Stock)} are there.");
        }

        var after = item.Stock - (then - before);
        return after switch
        {
            < 0 => (after, $"Only {Number(item.Stock)} {item.Unit} are left of what came."),
            > ChangeStock.MaxStock => (after, $"At most {Number(ChangeStock.MaxStock)} {item.Unit} of one ingredient can be kept."),
            _ => (after, null),
        };
    }

    public void Applied(StockLogEntry entry) =>
        (Outcome, IngredientId, QuantityBefore, QuantityAfter) = (LineOutcome.Applied, entry.IngredientId, entry.QuantityBefore, entry.QuantityAfter);

    public void Failed(string error) => (Outcome, Error) = (LineOutcome.Failed, error);

    public void TakenBack(string? error) => (Outcome, Error) = (error is null ? LineOutcome.Undone : LineOutcome.NotUndone, error);

    private static string Number(decimal value) => value.ToString("0.######", System.Globalization.CultureInfo.InvariantCulture);
}
