using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace OpsPlatform.OperationTracking.Checkpoints;

/// <summary>
/// Keys of checkpoints: the one of Audit:SigningKey signs and verifies, those of Audit:FormerKeys verify what they signed before. A key's
/// id is its thumbprint (RFC 7638), so that no other key can bear it.
/// </summary>
internal sealed class CheckpointKeys
{
    private const string JwsType = "checkpoint+jwt";
    private const int P256Bits = 256;
    private static readonly JsonWebTokenHandler Handler = new() { SetDefaultTimesOnTokenCreation = false };
    private static readonly Dictionary<string, object> Header = new() { ["typ"] = JwsType };
    private readonly SigningCredentials? _signs;
    private readonly IReadOnlyList<ECDsaSecurityKey> _all;

    /// <exception cref="InvalidOperationException">A setting is no key; the message says what it should be.</exception>
    public CheckpointKeys(IConfiguration configuration)
    {
        var present = configuration["Audit:SigningKey"] is { Length: > 0 } text
            ? Read(text, (key, bytes) => key.ImportPkcs8PrivateKey(bytes, out _), "Set Audit__SigningKey to a P-256 private key as PKCS #8 in base64.")
            : null;
        var former = (configuration["Audit:FormerKeys"] ?? "").Split([',', ' '], StringSplitOptions.RemoveEmptyEntries).Select(one =>
            Read(one, (key, bytes) => key.ImportSubjectPublicKeyInfo(bytes, out _), "Set Audit__FormerKeys to P-256 public keys as SubjectPublicKeyInfo in base64, with commas between them."));
        _signs = present is null ? null : new(present, SecurityAlgorithms.EcdsaSha256);
        _all = [.. present is null ? (IEnumerable<ECDsaSecurityKey>)[] : [present], .. former];
    }

    public bool CanSign => _signs is not null;

    /// <summary>Public parts, the present key first.</summary>
    public IEnumerable<(string Id, ECPoint Point)> Published() => _all.Select(key => (key.KeyId, key.ECDsa.ExportParameters(includePrivateParameters: false).Q));

    /// <exception cref="InvalidOperationException">There is no key to sign with.</exception>
    public string Sign(Checkpoint checkpoint) =>
        Handler.CreateToken(JsonSerializer.Serialize(checkpoint, JsonSerializerOptions.Web), _signs ?? throw new InvalidOperationException("There is no Audit__SigningKey."), Header);

    /// <returns>What was signed; null when none of the keys signed it, or what they signed is no checkpoint.</returns>
    public Checkpoint? Verify(string jws)
    {
        var result = Handler.ValidateToken(jws, new TokenValidationParameters { IssuerSigningKeys = _all, ValidateAudience = false, ValidateIssuer = false, ValidateLifetime = false });
        return result is { IsValid: true, SecurityToken: JsonWebToken { Typ: JwsType, Alg: SecurityAlgorithms.EcdsaSha256 } token }
            ? JsonSerializer.Deserialize<Checkpoint>(Base64UrlEncoder.Decode(token.EncodedPayload), JsonSerializerOptions.Web)
            : null;
    }

    private static ECDsaSecurityKey Read(string text, Action<ECDsa, byte[]> import, string advice)
    {
        var pair = ECDsa.Create();
        try
        {
            import(pair, Convert.FromBase64String(text));
        }
        catch (Exception fault) when (fault is FormatException or CryptographicException)
        {
            throw new InvalidOperationException(advice, fault);
        }

        if (pair.KeySize != P256Bits)
        {
            throw new InvalidOperationException(advice);
        }

        return new ECDsaSecurityKey(pair) { KeyId = Thumbprint(pair.ExportParameters(includePrivateParameters: false).Q) };
    }

    private static string Thumbprint(ECPoint point) => Base64UrlEncoder.Encode(SHA256.HashData(Encoding.UTF8.GetBytes(
        $$"""{"crv":"P-256","kty":"EC","x":"{{Base64UrlEncoder.Encode(point.X)}}","y":"{{Base64UrlEncoder.Encode(point.Y)}}"}""")));
}
