using System.Net;

namespace OpsPlatform.Identity.Clients;

/// <summary>
/// Ten wrong secrets within a minute shut a service's name, for the address they came from, until the minute is over. A secret is
/// too long to be guessed; this spares the log and the audit trail. Counted per process.
/// </summary>
internal sealed class ClientGuesses(TimeProvider time)
{
    public const int MaxWrong = 10;

    public static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private const int MaxKept = 10_000;

    private readonly Lock gate = new();
    private readonly Dictionary<(string Address, string Client), (DateTimeOffset Since, int Wrong)> counts = [];

    /// <returns>How long to wait when the name is shut for the address.</returns>
    public TimeSpan? Wait(IPAddress? address, string client)
    {
        lock (gate)
        {
            return counts.TryGetValue(Key(address, client), out var count) && count.Wrong >= MaxWrong && count.Since + Window > time.GetUtcNow()
                ? count.Since + Window - time.GetUtcNow()
                : null;
        }
    }

    public void CountWrong(IPAddress? address, string client)
    {
        var now = time.GetUtcNow();

        lock (gate)
        {
            if (counts.Count >= MaxKept)
            {
                foreach (var old in counts.Where(count => count.Value.Since + Window <= now).Select(count => count.Key).ToList())
                {
                    counts.Remove(old);
                }

                if (counts.Count >= MaxKept)
                {
                    counts.Clear();
                }
            }

            var key = Key(address, client);
            var known = counts.GetValueOrDefault(key);
            counts[key] = known.Since + Window > now ? (known.Since, known.Wrong + 1) : (now, 1);
        }
    }

    private static (string Address, string Client) Key(IPAddress? address, string client) =>
        (address?.ToString() ?? "", client.Length <= 32 ? client : client[..32]);
}
