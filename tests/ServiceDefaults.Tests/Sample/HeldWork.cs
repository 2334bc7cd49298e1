using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.ServiceDefaults.Tests.Sample;

/// <summary>As <see cref="ScriptedWork"/>, of which only one of an organisation is at work at a time; a cancel in its second step takes back what it did.</summary>
internal sealed class HeldWork(NotesDb db) : IDoOperation<ScriptedWork.Args>, ICompensate<ScriptedWork.Args>
{
    public static OperationKind Kind { get; } = new("notes.held", [new("First"), new("Second", Cancel: StepCancel.Compensating)], 3) { Holds = new("desk", 1) };

    public Task<object?> Do(ScriptedWork.Args args, Operation operation, CancellationToken cancel) => ScriptedWork.Scripts[args.Script](operation, db, cancel);

    public Task Compensate(ScriptedWork.Args args, Operation operation, CancellationToken cancel) => TakenBackWork.Backwards[args.Script](operation, db, cancel);
}

/// <summary>As <see cref="ScriptedWork"/>, of another kind that needs the same.</summary>
internal sealed class AlsoHeldWork(NotesDb db) : IDoOperation<ScriptedWork.Args>
{
    public static OperationKind Kind { get; } = new("notes.also_held", [new("First")], 3) { Holds = HeldWork.Kind.Holds };

    public Task<object?> Do(ScriptedWork.Args args, Operation operation, CancellationToken cancel) => ScriptedWork.Scripts[args.Script](operation, db, cancel);
}

/// <summary>As <see cref="ScriptedWork"/>, of which two of an organisation are at work at a time.</summary>
internal sealed class LimitedWork(NotesDb db) : IDoOperation<ScriptedWork.Args>
{
    public static OperationKind Kind { get; } = new("notes.limited", [new("First")], 3) { Holds = new("files", 2) };

    public Task<object?> Do(ScriptedWork.Args args, Operation operation, CancellationToken cancel) => ScriptedWork.Scripts[args.Script](operation, db, cancel);
}
