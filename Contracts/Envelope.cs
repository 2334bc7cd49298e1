namespace OpsPlatform.Contracts;

/// <summary>One message with what the listener needs to apply it once, for the right organisation, in the right trace.</summary>
/// <param name="Id">The outbox row's id; a listener applies it once per consumer.</param>
/// <param name="OrgId">The organisation it belongs to; null for platform messages.</param>
/// <param name="CorrelationId">The same for everything one request caused.</param>
/// <param name="CausationId">The message that led here; null when a request did.</param>
/// <param name="Actor">User id or service that caused it.</param>
/// <param name="TraceParent">W3C trace context of the transaction that wrote it.</param>
/// <param name="SentAt">When the row was written, UTC.</param>
public sealed record Envelope<T>(
    Guid Id,
    Guid? OrgId,
    Guid CorrelationId,
    Guid? CausationId,
    string? Actor,
    string? TraceParent,
    DateTimeOffset SentAt,
    T Message)
    where T : class;

/// <summary>Up to 100 messages of one type that travel as one; no order is promised.</summary>
public sealed record MessageGroup<T>(IReadOnlyList<Envelope<T>> Items)
    where T : class;
