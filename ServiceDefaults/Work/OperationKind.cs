using OpsPlatform.Contracts;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>A kind of long-running work.</summary>
/// <param name="Type">The service and what is done, such as orders.export. Never changed: work begun by an older build is ended by this one.</param>
/// <param name="Steps">In their order, at least one; parts of steps within them.</param>
/// <param name="MaxAttempts">How often it is begun before it has failed; a crash of the worker is an attempt, a stop in good order is not.</param>
public sealed record OperationKind(string Type, IReadOnlyList<OperationStep> Steps, int MaxAttempts = 3)
{
    /// <summary>What it needs while it is at work, taking back included; null when nothing. Such work cannot be started by <see cref="Operations.Start"/>.</summary>
    public WorkHold? Holds { get; init; }
}

/// <summary>
/// Something that only so much work of an organisation may hold at a time. The others wait in the order in which they came, take no worker's place, and say
/// that they wait: for a lock, blocked by the operation that has it, when it is one at a time; for a rate limit otherwise.
/// </summary>
/// <param name="Name">Shared by all kinds of work of the service that need it.</param>
/// <param name="AtOnce">At least 1, and the same wherever it is named.</param>
public sealed record WorkHold(string Name, int AtOnce);

/// <summary>
/// Does one kind of long-running work, on behalf of who started it. It may be begun again after a crash, by any instance: what it does
/// beyond its own transactions must bear a repeat, and what it writes goes with <see cref="Operation.Save"/>.
/// </summary>
/// <typeparam name="TArgs">What it was started with, as JSON.</typeparam>
public interface IDoOperation<TArgs>
    where TArgs : class
{
    static abstract OperationKind Kind { get; }

    /// <returns>What came of it, for people and programs: an object that becomes JSON of at most 16 KiB, or null.</returns>
    /// <exception cref="OperationRefusedException">It cannot be done, and a repeat would not help.</exception>
    /// <exception cref="OperationReplannedException">It needs agreement to another plan first.</exception>
    Task<object?> Do(TArgs args, Operation operation, CancellationToken cancel);
}

/// <summary>Takes back what compensating steps of a kind of work did, once it was cancelled. It may be begun again after a crash, as the work itself.</summary>
public interface ICompensate<TArgs>
    where TArgs : class
{
    /// <param name="operation">Its checkpoint says how far the work came, or this.</param>
    /// <param name="cancel">When the process stops or the work is another instance's.</param>
    /// <exception cref="OperationRefusedException">It cannot be taken back, and a repeat would not help: the operation has failed.</exception>
    Task Compensate(TArgs args, Operation operation, CancellationToken cancel);
}

/// <summary>The work cannot be done. The message says to a person what to do about it.</summary>
public sealed class OperationRefusedException(string message) : Exception(message);

/// <summary>What would be done is not what was agreed to: the work waits until this plan is, and is then begun again.</summary>
public sealed class OperationReplannedException(OperationPlan plan) : Exception("What would be done has changed since it was agreed to.")
{
    public OperationPlan Plan => plan;
}

/// <summary>Somebody else works on it now.</summary>
internal sealed class LeaseLostException(Guid id) : Exception($"The lease of operation {id} was lost: another instance works on it.");
