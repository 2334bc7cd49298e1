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

    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(5) };
    private readonly SemaphoreSlim _refreshing = new(1, 1);
    private Dictionary<string, SecurityKey> _keys = [];
    private DateTimeOffset _triedAt = DateTimeOffset.MinValue;

    public async ValueTask<IReadOnlyCollection<SecurityKey>> Find(string? keyId, CancellationToken cancel)
    {
        var age = time.GetUtcNow() - _triedAt;
        var known = keyId is not null && _keys.ContainsKey(keyId);
        if ((!known && age >= MinRefreshInterval) || age >= RefreshAfter)
        {
            await Refresh(cancel);
        }

        if (_keys.Count == 0)
        {
            throw new SigningKeysUnavailableException("No signing key has been read from the identity service yet.");
        }

        return keyId is not null && _keys.TryGetValue(keyId, out var key) ? [key] : [];
    }

    public void Dispose()
    {
        _http.Dispose();
        _refreshing.Dispose();
    }

    private async Task Refresh(CancellationToken cancel)
    {
        await _refreshing.WaitAsync(cancel);
        try
        {
            if (time.GetUtcNow() - _triedAt < MinRefreshInterval)
            {
                return;
            }

            var issuer = configuration["services:identity:http:0"];
            if (issuer is null)
            {
                return;
            }

            var set = await _http.GetFromJsonAsync<KeySet>(new Uri(new Uri(issuer), "/identity/.well-known/jwks.json"), cancel);
            _keys = set!.Keys.ToDictionary(key => key.Kid, ToSecurityKey);
            _triedAt = time.GetUtcNow();
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException or JsonException && !cancel.IsCancellationRequested)
        {
            _triedAt = _keys.Count == 0 ? DateTimeOffset.MinValue : time.GetUtcNow();
            Away(exception.Message);
        }
        finally
        {
            _refreshing.Release();
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
