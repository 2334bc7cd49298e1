using System.Text.Json.Serialization;

namespace OpsPlatform.Contracts;

/// <summary>Captured changes of one service, in the order they were made per entity. A crashed sender may repeat some with other batch boundaries.</summary>
/// <param name="Shard">Of the first change, or the place of a marker's queue.</param>
/// <param name="Marker">Sync's own: whoever takes it from the queue notes it, which shows that everything sent before it was taken too. Such a batch holds no changes.</param>
public sealed record ChangeBatch(string Service, int Shard, IReadOnlyList<CapturedChange> Changes, Guid? Marker = null);

/// <summary>One row as it stood after a change (before it, for a delete).</summary>
/// <param name="Seq">Rises per service; with the service and <paramref name="CapturedAt"/> it names the change once and for all.</param>
/// <param name="RowVersion">Rises with every change of the row: a reader that has a higher one ignores this change.</param>
/// <param name="Operation">create, update or delete.</param>
/// <param name="Data">The row as a JSON object, without the columns its table leaves out.</param>
/// <param name="Changed">JSON array of the columns that differ; all of them for create and delete.</param>
/// <param name="Metadata">JSON object: actor, source, correlation, causation, traceparent, service.</param>
public sealed record CapturedChange(
    long Seq,
    Guid Id,
    Guid OrgId,
    string EventType,
    string Category,
    string Priority,
    string EntityType,
    string EntityId,
    long RowVersion,
    string Operation,
    [property: JsonConverter(typeof(RawJson))] string Data,
    [property: JsonConverter(typeof(RawJson))] string Changed,
    [property: JsonConverter(typeof(RawJson))] string Metadata,
    DateTimeOffset CapturedAt);
