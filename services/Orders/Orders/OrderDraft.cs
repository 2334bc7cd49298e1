using System.Security.Cryptography;
using System.Text.Json;

namespace OpsPlatform.Orders.Orders;

/// <summary>A request to order, normalised: equal requests make equal hashes, whatever their spelling.</summary>
internal sealed record OrderDraft(
    Guid Id,
    bool HasChosenId,
    DateTimeOffset PlacedAt,
    DateTimeOffset OccurredAt,
    string? Email,
    string? ExternalId,
    string? CustomerName,
    IReadOnlyList<PlaceOrder.Line> Lines,
    bool Confirm,
    string? Note,
    byte[] ContentHash)
{
    public static OrderDraft Of(PlaceOrder.Request request, DateTimeOffset now)
    {
        PlaceOrder.Line[] lines =
        [
            .. request.Lines.GroupBy(line => line.MenuItemId)
                .Select(same => new PlaceOrder.Line(same.Key, same.Sum(line => line.Quantity))),
        ];
        var occurredAt = request.OccurredAt is { } told ? WholeMicroseconds(told) : (DateTimeOffset?)null;
        var email = request.Customer?.Email?.Trim().ToLowerInvariant();
        var externalId = request.Customer?.ExternalId;
        var name = request.Customer?.Name?.Trim();
        var content = JsonSerializer.SerializeToUtf8Bytes(new
        {
            lines,
            occurredAt,
            email,
            externalId,
            name,
            request.Confirm,
            request.Note,
        });

        return new(
            request.Id ?? Guid.CreateVersion7(now),
            request.Id is not null,
            now,
            occurredAt ?? now,
            email,
            externalId,
            name,
            lines,
            request.Confirm,
            request.Note,
            SHA256.HashData(content));
    }

    /// <summary>As PostgreSQL keeps times, so that an answer from memory equals the one read later.</summary>
    public static DateTimeOffset WholeMicroseconds(DateTimeOffset time) =>
        new(time.UtcTicks - (time.UtcTicks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);
}
