using OpsPlatform.Contracts;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>Applies messages of one type and one organisation within one transaction that also notes them as applied.</summary>
public interface IHear<T>
    where T : class
{
    /// <param name="messages">In arrival order, none of them applied before, all of the caller's organisation; at most 100.</param>
    Task Hear(IReadOnlyList<Envelope<T>> messages, CancellationToken cancel);
}

/// <summary>Applies captured changes of several organisations; must itself ignore a change it has already seen.</summary>
public interface IHearChanges
{
    Task Hear(ChangeBatch batch, CancellationToken cancel);
}
