namespace OpsPlatform.Replay.Gateway;

internal sealed record Registration(string Email, string Password, string DisplayName, NewOrganisation Organisation);

internal sealed record NewOrganisation(string Name, string Currency, string TimeZone, string DayStartsAt);

internal sealed record Tokens(Guid OrganisationId, string AccessToken, string RefreshToken, int ExpiresIn);

internal sealed record Organisation(string Name, string Currency, string TimeZone, string DayStartsAt);

internal sealed record PageOf<T>(IReadOnlyList<T> Items, string? NextCursor);

internal sealed record ItemsOf<T>(IReadOnlyList<T> Items);

internal sealed record StockRow(Guid Id, string Code, decimal Stock);

/// <summary>Sums of the stock log; <see cref="Closing"/> is the ingredient's row.</summary>
internal sealed record StockTotals(
    Guid IngredientId, string Code, decimal Opening, decimal Increased, decimal Decreased, decimal Adjusted, decimal Consumed, decimal Restored, decimal Closing);

internal sealed record Order(
    Guid Id, string Status, string Currency, long TotalMinor, DateTimeOffset OccurredAt, IReadOnlyList<OrderLine>? Lines);

internal sealed record OrderLine(Guid MenuItemId, int Quantity);

internal sealed record OrderSummary(
    int Placed, int Confirming, int Confirmed, int Rejected, int Cancelling, int Cancelled, int Completed, long RevenueMinor);

internal sealed record SalesSummary(IReadOnlyList<SalesOf> Sales);

/// <summary>What analytics counted in one currency.</summary>
internal sealed record SalesOf(string Currency, long Tickets, decimal RevenueMinor);

internal sealed record ChangeStats(long Captured, long Pending, long Processed, long Failed);

/// <param name="Earliest">The first position that can be read: above 1 once retention dropped entries, or after a restore moved the feed on.</param>
internal sealed record FeedStats(long Head, long Entries, IReadOnlyList<ServiceEntries> Services, long Earliest = 1);

internal sealed record ServiceEntries(string Service, long Entries);

internal sealed record FeedPage(IReadOnlyList<Frame> Items, long Head);

/// <summary>The parts of a feed frame that show whether it is in its place.</summary>
internal sealed record Frame(
    long Position, string Id, string Service, string EntityType, string EntityId, long RowVersion, string Operation);
