using System.Collections.Concurrent;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>
/// Puts together what arrives for an organisation while its earlier work is under way; organisations do not wait for each other.
/// Keeps an empty queue for every organisation that was ever here: some hundred bytes each.
/// </summary>
/// <param name="most">Items a batch.</param>
public sealed class OrganisationGathering<T>(int most, Func<Guid, IReadOnlyList<T>, Task> work)
{
    private readonly ConcurrentDictionary<Guid, (Gathering<T> Gathering, Counter Waiting)> _organisations = [];

    private sealed class Counter
    {
        public int Value;
    }

    /// <summary>Items of the organisation that are not done.</summary>
    public int Waiting(Guid org) => _organisations.TryGetValue(org, out var queue) ? Volatile.Read(ref queue.Waiting.Value) : 0;

    /// <summary>Completes when the item is done; a batch that fails fails for all in it.</summary>
    public async Task Do(Guid org, T item)
    {
        var (gathering, waiting) = _organisations.GetOrAdd(org, _ => (new(most, items => work(org, items)), new()));
        Interlocked.Increment(ref waiting.Value);
        try
        {
            await gathering.Do([item]);
        }
        finally
        {
            Interlocked.Decrement(ref waiting.Value);
        }
    }
}
