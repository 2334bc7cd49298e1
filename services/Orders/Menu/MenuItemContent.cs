using System.ComponentModel.DataAnnotations;

namespace OpsPlatform.Orders.Menu;

/// <summary>What the caller says about a menu item; two requests with equal content ask for the same item.</summary>
internal sealed record MenuItemContent(
    string Code, string Name, MenuKind Kind, Guid? TargetId, decimal PiecesPerSale, long PriceMinor, string Currency, TaxClass TaxClass, string? Category);

/// <summary>A menu item as the API shows it. <paramref name="PiecesPerSale"/> counts recipe pieces or stock units per sale.</summary>
internal sealed record MenuItemView(
    Guid Id,
    string Code,
    string Name,
    MenuKind Kind,
    Guid? TargetId,
    decimal PiecesPerSale,
    long PriceMinor,
    string Currency,
    TaxClass TaxClass,
    bool IsAvailable,
    long RowVersion,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt,
    string? Category)
{
    public static MenuItemView Of(MenuItem item) => new(
        item.Id,
        item.Code,
        item.Name,
        item.Kind,
        item.TargetId,
        item.PiecesPerSale,
        item.PriceMinor,
        item.Currency,
        item.TaxClass,
        item.IsAvailable,
        item.RowVersion,
        item.CreatedAt,
        item.UpdatedAt,
        item.Category);
}

/// <summary>The rules of a menu item that DataAnnotations cannot say.</summary>
internal static class MenuItemRules
{
    public const int MaxCodeLength = 64;
    public const int MaxNameLength = 200;
    public const int MaxCategoryLength = 64;
    public const string CurrencyPattern = "^[A-Z]{3}$";
    private const decimal MaxPiecesPerSale = 1_000_000m;
    private const int PieceDecimals = 6;

    public static string? Category(string? told) => string.IsNullOrWhiteSpace(told) ? null : told.Trim();

    public static IEnumerable<ValidationResult> Check(MenuKind kind, Guid? targetId, decimal piecesPerSale)
    {
        if (kind == MenuKind.Service != targetId is null)
        {
            yield return new("is needed for a recipe or a resale good, and must be absent for a service", ["TargetId"]);
        }

        if (piecesPerSale is <= 0 or > MaxPiecesPerSale || decimal.Round(piecesPerSale, PieceDecimals) != piecesPerSale)
        {
            yield return new($"must be above 0, at most {MaxPiecesPerSale}, with at most {PieceDecimals} decimals", ["PiecesPerSale"]);
        }
    }
}
