using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>Work that needs what only so many of an organisation may hold.</summary>
public abstract class HeldOperations : ScriptedOperations
{
    /// <summary>A piece of work that is begun when it is, and ends when it may.</summary>
    private protected sealed class Piece
    {
        public Guid Id { get; } = Guid.NewGuid();

        public TaskCompletionSource Begun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource MayEnd { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async Task<object?> Do(Operation operation, NotesDb db, CancellationToken cancel)
        {
            Begun.TrySetResult();
            await MayEnd.Task.WaitAsync(cancel);
            return null;
        }
    }

    private protected async Task<Piece[]> Several(string? path, int count)
    {
        var pieces = new Piece[count];
        for (var n = 0; n < count; n++)
        {
            pieces[n] = await Add(path);
        }

        return pieces;
    }

    /// <param name="path">Of its kind; null for work that needs nothing.</param>
    /// <param name="script">What it does; unless given, it is begun and ends when it may.</param>
    /// <param name="at">An instance instead of the first.</param>
    private protected async Task<Piece> Add(string? path, Guid? org = null, ScriptedWork.Script? script = null, Uri? at = null)
    {
        var piece = new Piece();
        ScriptedWork.Scripts[piece.Id] = script ?? piece.Do;
        using var client = First.Client(org ?? Org, user: User, at: at);
        using var answer = await client.PostAsync($"/notes/{piece.Id}/work{(path is null ? "" : $"/{path}")}", null);
        answer.EnsureSuccessStatusCode();
        return piece;
    }
}
