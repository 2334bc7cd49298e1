namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>Work that can be undone once it has ended, as far as it came; by another operation, and once.</summary>
/// <typeparam name="TArgs">What it was started with.</typeparam>
public interface IUndo<TArgs>
    where TArgs : class
{
    /// <summary>Who may undo it has at least this role.</summary>
    string UndoRole { get; }

    /// <returns>What undoing it would do by how things are now; nothing is stored.</returns>
    Task<UndoPreview> PreviewUndo(Guid operation, TArgs args, CancellationToken cancel);

    /// <summary>Adds the work that undoes it to what the next SaveChanges stores, within the transaction at hand; with a plan when somebody has to agree to it.</summary>
    /// <param name="undo">The id of that work, for <see cref="Operations.Add"/>.</param>
    /// <returns>That id, or of the operation that has undone it before.</returns>
    Task<Guid> Undo(Guid operation, TArgs args, Guid undo, CancellationToken cancel);
}

/// <summary>What undoing an operation would do.</summary>
/// <param name="Done">How many of the things that it did would be undone.</param>
/// <param name="Refused">How many would not be.</param>
/// <param name="Refusals">The first 200 of them.</param>
/// <param name="NeedsApproval">Somebody has to agree before it begins: the operation that undoes it waits for that.</param>
public sealed record UndoPreview(int Done, int Refused, IReadOnlyList<UndoRefusal> Refusals, bool NeedsApproval = false)
{
    private const int MaxRefusals = 200;

    /// <param name="results">What each of the things is called, and why it would not be undone, or null.</param>
    public static UndoPreview Of(IEnumerable<(string What, string? Error)> results)
    {
        var all = results.ToArray();
        var refused = all.Where(result => result.Error is not null).ToArray();
        return new(all.Length - refused.Length, refused.Length, [.. refused.Take(MaxRefusals).Select(result => new UndoRefusal(result.What, result.Error!))]);
    }
}

/// <param name="What">Such as: ingredient flour.</param>
/// <param name="Error">Why it would not be undone, such as that it has changed since.</param>
public sealed record UndoRefusal(string What, string Error);

/// <param name="OperationId">The operation that undoes it.</param>
/// <param name="Undoes">The operation that is undone.</param>
public sealed record UndoStarted(Guid OperationId, Guid Undoes);
