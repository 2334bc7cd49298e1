namespace OpsPlatform.Orders.Menu;

/// <summary>What a menu item takes from stock when sold: pieces of a recipe, units of a good bought to resell, or nothing.</summary>
internal enum MenuKind
{
    Recipe,
    Resale,
    Service,
}

internal enum TaxClass
{
    Standard,
    Reduced,
    Zero,
    None,
}

internal sealed class MenuItem
{
    public required Guid OrgId { get; init; }

    public required Guid Id { get; init; }

    public required string Code { get; set; }

    public required string Name { get; set; }

    public required MenuKind Kind { get; set; }

    /// <summary>The recipe, or the ingredient to resell; null for a service.</summary>
    public required Guid? TargetId { get; set; }

    /// <summary>Yield pieces or stock units that one sale takes.</summary>
    public required decimal PiecesPerSale { get; set; }

    public required long PriceMinor { get; set; }

    public required string Currency { get; set; }

    public required TaxClass TaxClass { get; set; }

    /// <summary>What the business sorts its menu and its sales by; free text, null when it does not.</summary>
    public required string? Category { get; set; }

    public bool IsAvailable { get; set; } = true;

    public long RowVersion { get; private set; }

    public DateTimeOffset CreatedAt { get; private set; }

    public DateTimeOffset UpdatedAt { get; private set; }

    public void Change(MenuItemContent content)
    {
        Code = content.Code;
        Name = content.Name;
        Kind = content.Kind;
        TargetId = content.TargetId;
        PiecesPerSale = content.PiecesPerSale;
        PriceMinor = content.PriceMinor;
        Currency = content.Currency;
        TaxClass = content.TaxClass;
        Category = content.Category;
    }

    public MenuItemContent Content() => new(Code, Name, Kind, TargetId, PiecesPerSale, PriceMinor, Currency, TaxClass, Category);
}
