namespace OpsPlatform.Analytics.Sales;

/// <summary>What a row of sales stands for.</summary>
internal enum SalesBy
{
    Day,
    Hour,
    Item,
    Category,
}
