using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Tokens;

namespace OpsPlatform.ServiceDefaults.Auth;

/// <summary>Where the public keys come from that tokens are checked with.</summary>
public interface ISigningKeys
{
    /// <returns>The keys of that id; empty when there is none.</returns>
    /// <exception cref="SigningKeysUnavailableException">No key was ever read and the issuer is away.</exception>
    ValueTask<IReadOnlyCollection<SecurityKey>> Find(string? keyId, CancellationToken cancel);
}

/// <summary>The issuer is away and none of its keys is known here.</summary>
public sealed class SigningKeysUnavailableException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Reads Identity's JWKS and keeps what it read, so that Identity may be away.</summary>
internal sealed partial class HttpSigningKeys(IConfiguration configuration, TimeProvider time, ILogger<HttpSigningKeys> log) : ISigningKeys, IDisposable
{
    /// <summary>A forged key id must not make us ask the issuer at every request.</summary>
    private static readonly TimeSpan MinRefreshInterval = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan RefreshAfter = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan MinIntervalWithoutKeys = TimeSpan.FromMilliseconds(500);

    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(5) };
    private readonly Lock _lock = new();
    private volatile Dictionary<string, SecurityKey> _keys = [];
    private Task _refresh = Task.CompletedTask;
    private DateTimeOffset _triedAt = DateTimeOffset.MinValue;

    public async ValueTask<IReadOnlyCollection<SecurityKey>> Find(string? keyId, CancellationToken cancel)
    {
        if (keyId is not null && _keys.TryGetValue(keyId, out var known))
        {
            // Nobody waits for news of a key that is known: Identity may hang.
            _ = RefreshUnlessTriedWithin(RefreshAfter);
            return [known];
        }

        await RefreshUnlessTriedWithin(_keys.Count == 0 ? MinIntervalWithoutKeys : MinRefreshInterval).WaitAsync(cancel);
        if (_keys.Count == 0)
        {
            throw new SigningKeysUnavailableException("No signing key has been read from the identity service yet.");
        }

        return keyId is not null && _keys.TryGetValue(keyId, out var key) ? [key] : [];
    }

    public void Dispose() => _http.Dispose();

    /// <summary>One refresh at a time, shared by all who ask.</summary>
    private Task RefreshUnlessTriedWithin(TimeSpan interval)
    {
        lock (_lock)
        {
            if (_refresh.IsCompleted && time.GetUtcNow() - _triedAt >= interval)
            {
                _triedAt = time.GetUtcNow();
                _refresh = Refresh();
            }

            return _refresh;
        }
    }

    private async Task Refresh()
    {
        if (configuration["services:identity:http:0"] is not { } issuer)
        {
            return;
        }

        try
        {
            var set = await _http.GetFromJsonAsync<KeySet>(new Uri(new Uri(issuer), "/identity/.well-known/jwks.json"));
            _keys = (set?.Keys ?? throw new JsonException("The key set is empty.")).DistinctBy(key => key.Kid).ToDictionary(key => key.Kid, ToSecurityKey);
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException or JsonException)
        {
            Away(exception.Message);
        }
    }

    private static SecurityKey ToSecurityKey(Key key) => new JsonWebKey
    {
        Kty = key.Kty,
        Crv = key.Crv,
        X = key.X,
        Y = key.Y,
        Kid = key.Kid,
        Use = "sig",
        Alg = SecurityAlgorithms.EcdsaSha256,
    };

    [LoggerMessage(LogLevel.Warning, "Signing keys could not be read, going on with those known: {Reason}")]
    private partial void Away(string reason);

    private sealed record KeySet(Key[] Keys);

    private sealed record Key(string Kty, string Crv, string X, string Y, string Kid);
}
