using System.Collections.Concurrent;
using OpsPlatform.Replay.Gateway;

namespace OpsPlatform.Chaos.Load;

/// <summary>What a shop's callers were told: each answer is a promise the system is held to.</summary>
internal sealed class Ledger(string shop)
{
    private const int MostRefusalsKept = 20;
    private readonly ConcurrentQueue<string> _refusals = new();
    private readonly List<Guid> _orders = [];
    private int _inFlight;
    private long _answered;

    /// <summary>The id each order was answered with, by its Idempotency-Key.</summary>
    public ConcurrentDictionary<string, Guid> Placed { get; } = new();

    /// <summary>What each movement of stock was answered to have changed, by its Idempotency-Key.</summary>
    public ConcurrentDictionary<string, (Guid Ingredient, decimal Change)> Moved { get; } = new();

    /// <summary>Every operation that a request was answered 202 with.</summary>
    public ConcurrentDictionary<Guid, byte> Started { get; } = new();

    /// <summary>Imports of stock that nobody has asked to take back, the first one first.</summary>
    public ConcurrentQueue<Guid> Imports { get; } = new();

    /// <summary>Answers that were neither done nor the business's own no.</summary>
    public IReadOnlyCollection<string> Refusals => _refusals;

    /// <summary>Requests sent and not answered yet.</summary>
    public int InFlight => Volatile.Read(ref _inFlight);

    public long Answered => Volatile.Read(ref _answered);

    public async Task<Answer> Count(Func<Task<Answer>> request)
    {
        Interlocked.Increment(ref _inFlight);
        try
        {
            var answer = await request();
            Interlocked.Increment(ref _answered);
            return answer;
        }
        finally
        {
            Interlocked.Decrement(ref _inFlight);
        }
    }

    public void Place(string key, Guid order)
    {
        Placed[key] = order;
        lock (_orders)
        {
            _orders.Add(order);
        }
    }

    /// <summary>One of the latest orders; null before the first.</summary>
    public Guid? Recent(Random random, int among)
    {
        lock (_orders)
        {
            return _orders.Count == 0 ? null : _orders[^(1 + random.Next(Math.Min(among, _orders.Count)))];
        }
    }

    public void Refuse(Answer answer) => Refuse($"{answer.Method} /{answer.Path} was answered {answer.Describe()}");

    public void Refuse(string what)
    {
        if (_refusals.Count < MostRefusalsKept)
        {
            _refusals.Enqueue($"{shop}: {what}");
        }
    }
}
