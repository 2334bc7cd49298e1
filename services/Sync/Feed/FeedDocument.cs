using System.Text.Json;

namespace OpsPlatform.Sync.Feed;

/// <summary>A page of the feed as its readers see it; written from stored bytes, so this only describes it.</summary>
/// <param name="Position">Ask for entries after this one next.</param>
/// <param name="Head">The organisation's last position.</param>
internal sealed record FeedDocument(IReadOnlyList<FeedEntry> Items, long Position, long Head);

/// <param name="Position">Dense per organisation, in the order of commits.</param>
/// <param name="Operation">create, update or delete.</param>
internal sealed record FeedEntry(
    long Position,
    Guid Id,
    string EventType,
    string Category,
    string Priority,
    string EntityType,
    string EntityId,
    long RowVersion,
    string Operation,
    JsonElement Data,
    IReadOnlyList<string> Changed,
    JsonElement Metadata,
    string Service,
    DateTimeOffset CapturedAt);
