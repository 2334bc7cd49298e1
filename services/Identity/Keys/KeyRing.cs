using System.Security.Cryptography;
using Microsoft.IdentityModel.Tokens;
using OpsPlatform.ServiceDefaults.Auth;

namespace OpsPlatform.Identity.Keys;

/// <summary>The keys this process knows. The youngest whose time has come signs; all of them verify.</summary>
internal sealed class KeyRing(TimeProvider time) : ISigningKeys
{
    private readonly TaskCompletionSource loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile IReadOnlyList<Entry> entries = [];

    public bool IsLoaded => loaded.Task.IsCompleted;

    /// <summary>Waits for the first read of the keys at start.</summary>
    public async Task<SigningCredentials> Signing(CancellationToken cancel)
    {
        await loaded.Task.WaitAsync(cancel);

        var now = time.GetUtcNow();
        var entry = entries.LastOrDefault(entry => entry.SignsFrom <= now) ?? entries[0];

        return new SigningCredentials(entry.Key, SecurityAlgorithms.EcdsaSha256);
    }

    public ValueTask<IReadOnlyCollection<SecurityKey>> Find(string? keyId, CancellationToken cancel) => IsLoaded
        ? ValueTask.FromResult<IReadOnlyCollection<SecurityKey>>([.. entries.Select(entry => entry.Key).Where(key => key.KeyId == keyId)])
        : throw new SigningKeysUnavailableException("The signing keys are not read yet.");

    /// <summary>Public parts only, the oldest first.</summary>
    public IReadOnlyList<(string Id, ECPoint Point)> Published() =>
        [.. entries.Select(entry => (entry.Key.KeyId, entry.Key.ECDsa.ExportParameters(includePrivateParameters: false).Q))];

    /// <param name="keys">In the order they sign, each with its opened private key.</param>
    public void Load(IReadOnlyList<(SigningKey Key, byte[] Pkcs8)> keys)
    {
        var known = entries.ToDictionary(entry => entry.Key.KeyId);

        entries = [.. keys.Select(key => known.GetValueOrDefault(key.Key.Id) ?? Entry.Of(key.Key, key.Pkcs8))];
        loaded.TrySetResult();
    }

    private sealed record Entry(ECDsaSecurityKey Key, DateTimeOffset SignsFrom)
    {
        public static Entry Of(SigningKey key, byte[] pkcs8)
        {
            // Never disposed: a request may be signing with it when it leaves the ring.
            var pair = ECDsa.Create();
            pair.ImportPkcs8PrivateKey(pkcs8, out _);

            return new Entry(new ECDsaSecurityKey(pair) { KeyId = key.Id }, key.SignsFrom);
        }
    }
}
