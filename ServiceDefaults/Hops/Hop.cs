namespace OpsPlatform.ServiceDefaults.Hops;

/// <summary>One step on the way of what a request caused.</summary>
/// <param name="What">
/// received: the request reached the service; captured: a row was written with its change; written: a message was, with its
/// change; waiting: a message written and not sent yet; sent: a message went to the broker; heard: a listener took a message;
/// relayed: the broker confirmed a captured change; appended: the change got its position in the feed; delivered: the first
/// reader got it.
/// </param>
/// <param name="Name">The type of the message or change, or the source of the request.</param>
/// <param name="At">UTC, by the clock of the machine where it happened.</param>
/// <param name="MessageId">The message's id, or the captured change's.</param>
/// <param name="CausationId">The message that led here.</param>
/// <param name="Listener">Who heard the message.</param>
/// <param name="Position">In the organisation's feed.</param>
public sealed record Hop(
    string Service,
    string What,
    string Name,
    DateTimeOffset At,
    Guid? CorrelationId,
    Guid? MessageId = null,
    Guid? CausationId = null,
    string? TraceId = null,
    string? Listener = null,
    string? EntityId = null,
    long? Position = null);
