using System.Collections.Concurrent;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.ServiceDefaults.Tests.Sample;

/// <summary>Long-running work with a step that is taken back and one that is past the point of no return; both ways do what the test at hand says.</summary>
internal sealed class TakenBackWork(NotesDb db) : IDoOperation<ScriptedWork.Args>, ICompensate<ScriptedWork.Args>
{
    public static readonly ConcurrentDictionary<Guid, ScriptedWork.Script> Backwards = [];

    public static OperationKind Kind { get; } = new("notes.taken_back", [new("First"), new("Second", Cancel: StepCancel.Compensating), new("Third", Cancel: StepCancel.Final)], 2);

    public Task<object?> Do(ScriptedWork.Args args, Operation operation, CancellationToken cancel) => ScriptedWork.Scripts[args.Script](operation, db, cancel);

    public Task Compensate(ScriptedWork.Args args, Operation operation, CancellationToken cancel) => Backwards[args.Script](operation, db, cancel);
}
