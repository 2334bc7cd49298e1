namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>One attempt under way, and what may cut it short.</summary>
internal sealed class Attempt(Operation operation, CancellationToken stopping) : IDisposable
{
    private readonly CancellationTokenSource _cut = CancellationTokenSource.CreateLinkedTokenSource(stopping);

    public Operation Operation => operation;

    public CancellationToken Token => _cut.Token;

    public string? CancelledBy { get; private set; }

    public bool IsLost { get; private set; }

    public void Cancel(string userId)
    {
        CancelledBy ??= userId;
        Cut();
    }

    public void Lose()
    {
        IsLost = true;
        Cut();
    }

    public void Dispose() => _cut.Dispose();

    private void Cut()
    {
        try
        {
            _cut.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It ended meanwhile.
        }
    }
}
