using System.Security.Cryptography;
using System.Text;

namespace OpsPlatform.Identity.Keys;

/// <summary>
/// Seals private keys at rest by AES-256-GCM under a key from Identity:KeyEncryptionKey; without one they are kept plain. What was
/// sealed under Identity:PreviousKeyEncryptionKey is opened too, and sealed anew.
/// </summary>
internal sealed class KeySeal
{
    private const int MinSecretChars = 32;
    private const int KeyBytes = 32;
    private const int NameBytes = 8;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;

    private readonly Dictionary<string, byte[]> known = [];
    private readonly string? current;

    /// <exception cref="InvalidOperationException">A secret is too short.</exception>
    public KeySeal(IConfiguration configuration)
    {
        current = Learn(configuration["Identity:KeyEncryptionKey"], "Identity__KeyEncryptionKey");
        Learn(configuration["Identity:PreviousKeyEncryptionKey"], "Identity__PreviousKeyEncryptionKey");
    }

    /// <returns>False when it is sealed with another key than the current one, or plain although there is one.</returns>
    public bool IsCurrent(SigningKey key) => key.SealedWith == current;

    public void Seal(SigningKey key, byte[] pkcs8)
    {
        if (current is null)
        {
            (key.PrivateKey, key.SealedWith) = (pkcs8, null);
            return;
        }

        var box = new byte[NonceBytes + TagBytes + pkcs8.Length];
        RandomNumberGenerator.Fill(box.AsSpan(0, NonceBytes));
        using var aes = new AesGcm(known[current], TagBytes);
        // Bound to the row: a sealed key cannot be passed off under another id.
        aes.Encrypt(
            box.AsSpan(0, NonceBytes), pkcs8, box.AsSpan(NonceBytes + TagBytes), box.AsSpan(NonceBytes, TagBytes), Encoding.UTF8.GetBytes(key.Id));
        (key.PrivateKey, key.SealedWith) = (box, current);
    }

    /// <exception cref="InvalidOperationException">It is sealed with a key that is not known here, or was altered.</exception>
    public byte[] Open(SigningKey key)
    {
        if (key.SealedWith is null)
        {
            return key.PrivateKey;
        }

        if (!known.TryGetValue(key.SealedWith, out var secret))
        {
            throw new InvalidOperationException(
                $"Signing key {key.Id} is sealed with {key.SealedWith}: set Identity__KeyEncryptionKey, or Identity__PreviousKeyEncryptionKey, to the key it was sealed with.");
        }

        var pkcs8 = new byte[key.PrivateKey.Length - NonceBytes - TagBytes];
        using var aes = new AesGcm(secret, TagBytes);

        try
        {
            aes.Decrypt(
                key.PrivateKey.AsSpan(0, NonceBytes), key.PrivateKey.AsSpan(NonceBytes + TagBytes), key.PrivateKey.AsSpan(NonceBytes, TagBytes),
                pkcs8, Encoding.UTF8.GetBytes(key.Id));
        }
        catch (CryptographicException altered)
        {
            throw new InvalidOperationException($"Signing key {key.Id} was altered in the database, or belongs to another row.", altered);
        }

        return pkcs8;
    }

    /// <returns>The name under which rows refer to it.</returns>
    private string? Learn(string? secret, string variable)
    {
        if (string.IsNullOrEmpty(secret))
        {
            return null;
        }

        if (secret.Length < MinSecretChars)
        {
            throw new InvalidOperationException($"Set {variable} to at least {MinSecretChars} random characters.");
        }

        var material = Encoding.UTF8.GetBytes(secret);
        var name = Convert.ToHexStringLower(HKDF.DeriveKey(HashAlgorithmName.SHA256, material, NameBytes, info: "signing keys, name"u8.ToArray()));
        known[name] = HKDF.DeriveKey(HashAlgorithmName.SHA256, material, KeyBytes, info: "signing keys, AES-256-GCM"u8.ToArray());

        return name;
    }
}
