using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace OpsPlatform.Attack.Tests.Api;

/// <summary>Makes tokens that look like a given one and must open nothing.</summary>
public static class Forger
{
    public static async Task<IReadOnlyList<(string Name, string Token)>> Forgeries(AttackSystem system, string token)
    {
        var parts = token.Split('.');
        var header = JsonNode.Parse(Decoded(parts[0]))!.AsObject();
        var kid = header["kid"]!.GetValue<string>();
        var ours = (await system.Database("identity").Read("SELECT private_key FROM signing_keys WHERE id = $1", row => row.GetFieldValue<byte[]>(0), kid)).Single();
        using var theirs = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var past = DateTimeOffset.UtcNow.AddMinutes(-5).ToUnixTimeSeconds();
        return
        [
            ("expired", Signed(header, Changed(parts[1], payload => payload["exp"] = past), ours)),
            ("not yet good", Signed(header, Changed(parts[1], payload => payload["nbf"] = DateTimeOffset.UtcNow.AddMinutes(5).ToUnixTimeSeconds()), ours)),
            ("of another issuer", Signed(header, Changed(parts[1], payload => payload["iss"] = "https://evil.example"), ours)),
            ("for another audience", Signed(header, Changed(parts[1], payload => payload["aud"] = "elsewhere"), ours)),
            ("without an end", Signed(header, Changed(parts[1], payload => payload.Remove("exp")), ours)),
            ("signed by a stranger", Signed(header, parts[1], theirs.ExportPkcs8PrivateKey())),
            ("without a signature", $"{Encoded("""{"alg":"none","typ":"JWT"}""")}.{parts[1]}."),
        ];
    }

    private static string Changed(string payload, Action<JsonObject> change)
    {
        var claims = JsonNode.Parse(Decoded(payload))!.AsObject();
        change(claims);
        return Encoded(claims.ToJsonString());
    }

    private static string Signed(JsonObject header, string payload, byte[] privateKey)
    {
        using var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(privateKey, out _);
        var text = $"{Encoded(header.ToJsonString())}.{payload}";
        return $"{text}.{Base64(key.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation))}";
    }

    private static string Encoded(string text) => Base64(Encoding.UTF8.GetBytes(text));

    private static string Base64(byte[] bytes) => Convert.ToBase64String(bytes).Replace('+', '-').Replace('/', '_').TrimEnd('=');

    private static string Decoded(string part) =>
        Encoding.UTF8.GetString(Convert.FromBase64String(part.Replace('-', '+').Replace('_', '/').PadRight((part.Length + 3) / 4 * 4, '=')));
}
