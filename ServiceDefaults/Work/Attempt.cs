namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>One attempt under way, and what may cut it short.</summary>
internal sealed class Attempt : IDisposable
{
    private readonly CancellationTokenSource _held;
    private readonly CancellationTokenSource _wanted;

    public Attempt(Operation operation, CancellationToken stopping)
    {
        Operation = operation;
        _held = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        _wanted = CancellationTokenSource.CreateLinkedTokenSource(_held.Token);
    }

    public Operation Operation { get; }

    /// <summary>As long as the work is this process's.</summary>
    public CancellationToken Held => _held.Token;

    /// <summary>And as long as somebody wants it.</summary>
    public CancellationToken Wanted => _wanted.Token;

    public bool IsLost { get; private set; }

    public void Cancel(string userId)
    {
        if (Operation.TryCancel(userId))
        {
            Cut(_wanted);
        }
    }

    public void Lose()
    {
        IsLost = true;
        Cut(_held);
    }

    public void Dispose()
    {
        _wanted.Dispose();
        _held.Dispose();
    }

    private static void Cut(CancellationTokenSource source)
    {
        try
        {
            source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It ended meanwhile.
        }
    }
}
