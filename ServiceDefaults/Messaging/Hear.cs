using OpsPlatform.Contracts;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>Applies messages of one type and one organisation within one transaction that also notes them as applied.</summary>
public interface IHear<T>
    where T : class
{
    /// <param name="messages">In arrival order, none of them applied before, all of the caller's organisation; the more are waiting, the more come at once, some hundreds at most.</param>
    Task Hear(IReadOnlyList<Envelope<T>> messages, CancellationToken cancel);
}

/// <summary>
/// Applies messages of which only the latest about each thing counts; must itself ignore an older one. None of them is remembered, and what
/// cannot be applied is dropped, for a later one follows.
/// </summary>
public interface IHearLatest<T>
    where T : class
{
    /// <param name="messages">Of several organisations, in arrival order.</param>
    Task Hear(IReadOnlyList<Envelope<T>> messages, CancellationToken cancel);
}

/// <summary>Applies captured changes of several organisations; must itself ignore a change it has already seen.</summary>
public interface IHearChanges
{
    /// <param name="changes">Of one service and any shards, those of an entity in their order.</param>
    Task Hear(string service, IReadOnlyList<CapturedChange> changes, CancellationToken cancel);

    /// <summary>Everything sent to the shard before the marker has been heard, or set aside.</summary>
    Task Passed(Guid marker, int shard, CancellationToken cancel);
}
