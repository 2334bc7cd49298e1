using System.Collections.Concurrent;
using System.Security.Claims;
using Microsoft.IdentityModel.Tokens;

namespace OpsPlatform.ServiceDefaults.Auth;

/// <summary>
/// Tokens whose signature was found good, so that it need not be computed at each request.
/// A token is forgotten when it ends and when its key is read anew, so that a withdrawn key opens nothing.
/// </summary>
internal sealed class VerifiedTokens(TimeProvider time)
{
    /// <summary>About 20 MB of them; whoever sends more valid ones than that within their ten minutes only makes them verified again.</summary>
    private const int MaxTokens = 10_000;

    private readonly ConcurrentDictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    private sealed record Entry(string KeyId, SecurityKey Key, DateTimeOffset EndsAt, Claim[] Claims);

    /// <returns>The token's claims; null when it has to be verified.</returns>
    public async ValueTask<IReadOnlyList<Claim>?> Find(string token, ISigningKeys keys, CancellationToken cancel)
    {
        if (!_entries.TryGetValue(token, out var entry))
        {
            return null;
        }

        if (time.GetUtcNow() < entry.EndsAt && (await keys.Find(entry.KeyId, cancel)).Contains(entry.Key))
        {
            return entry.Claims;
        }

        _entries.TryRemove(token, out _);
        return null;
    }

    public void Add(string token, string keyId, SecurityKey key, DateTimeOffset endsAt, IEnumerable<Claim> claims)
    {
        if (_entries.Count >= MaxTokens)
        {
            _entries.Clear();
        }

        _entries[token] = new(keyId, key, endsAt, [.. claims]);
    }
}
