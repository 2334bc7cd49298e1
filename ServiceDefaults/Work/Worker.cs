using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using OpsPlatform.Contracts;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>A kind of work that this service does, and how.</summary>
/// <param name="Undo">How it is undone once it has ended; null when it cannot be.</param>
/// <param name="Compensate">Takes back what its compensating steps did; null when it has none.</param>
internal sealed record Worker(
    OperationKind Kind, Func<IServiceProvider, Operation, CancellationToken, Task<object?>> Do, Func<IServiceProvider, Operation, CancellationToken, Task>? Compensate,
    UndoWay? Undo)
{
    public static Worker Of<TWork, TArgs>()
        where TWork : class, IDoOperation<TArgs>
        where TArgs : class
    {
        var compensates = typeof(TWork).IsAssignableTo(typeof(ICompensate<TArgs>));
        if (compensates != OperationStep.Leaves(TWork.Kind.Steps).Any(step => step.Cancel == StepCancel.Compensating))
        {
            throw new InvalidOperationException($"{typeof(TWork).Name} has compensating steps and is no ICompensate, or the other way round.");
        }

        return new(
            TWork.Kind,
            (services, operation, cancel) => services.GetRequiredService<TWork>().Do(Read<TArgs>(operation.Claim.Args), operation, cancel),
            compensates ? (services, operation, cancel) => ((ICompensate<TArgs>)services.GetRequiredService<TWork>()).Compensate(Read<TArgs>(operation.Claim.Args), operation, cancel) : null,
            typeof(TWork).IsAssignableTo(typeof(IUndo<TArgs>)) ? WayOf<TArgs>(services => (IUndo<TArgs>)services.GetRequiredService<TWork>()) : null);
    }

    /// <summary>For work that only the code that starts it can do: what is left behind of it has failed.</summary>
    public static Worker OfStarted(OperationKind kind) => new(
        kind with { MaxAttempts = int.MaxValue }, (_, _, _) => throw new OperationRefusedException("Nobody is at it any more: ask for it again."), Compensate: null, Undo: null);

    private static UndoWay WayOf<TArgs>(Func<IServiceProvider, IUndo<TArgs>> worker)
        where TArgs : class => new(
            services => worker(services).UndoRole,
            (services, work, cancel) => worker(services).PreviewUndo(work.Id, Read<TArgs>(work.Args), cancel),
            (services, work, undo, cancel) => worker(services).Undo(work.Id, Read<TArgs>(work.Args), undo, cancel));

    private static TArgs Read<TArgs>(string args) => JsonSerializer.Deserialize<TArgs>(args, OperationJson.Options)!;
}

/// <summary>How a kind of work is undone.</summary>
/// <param name="Start">Answers which operation undoes it: the one asked for, or an earlier one.</param>
internal sealed record UndoWay(
    Func<IServiceProvider, string> Role,
    Func<IServiceProvider, WorkDone, CancellationToken, Task<UndoPreview>> Preview,
    Func<IServiceProvider, WorkDone, Guid, CancellationToken, Task<Guid>> Start);
