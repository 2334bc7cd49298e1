using OpsPlatform.ServiceDefaults;

namespace OpsPlatform.OperationTracking.Batches;

/// <summary>Wakes who rolls up batches, and tells which operations have changed: a batch whose children have not costs nothing.</summary>
internal sealed class BatchSignal : Signal
{
    private const int MostNoted = 100_000;

    private readonly NotedSignal _noted = new();
    private readonly Lock _gate = new();
    private HashSet<(Guid Org, Guid Id)> _changed = [];

    /// <summary>Its row was changed here, and that is committed.</summary>
    public void Changed(Guid org, Guid id)
    {
        lock (_gate)
        {
            if (_changed.Count <= MostNoted && _changed.Add((org, id)) && _changed.Count == 1)
            {
                _noted.Wake();
            }
        }
    }

    /// <summary>Completes as soon as there is a change to take.</summary>
    public Task AnyChanged()
    {
        var noted = _noted.Next;
        lock (_gate)
        {
            return _changed.Count == 0 ? noted : Task.CompletedTask;
        }
    }

    /// <returns>What changed since it was taken last; null when it is more than is noted.</returns>
    public IReadOnlyCollection<(Guid Org, Guid Id)>? Take()
    {
        lock (_gate)
        {
            var taken = _changed;
            _changed = [];
            return taken.Count <= MostNoted ? taken : null;
        }
    }

    private sealed class NotedSignal : Signal;
}
