using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Primitives;

namespace OpsPlatform.ServiceDefaults.Auth;

/// <summary>Tells which service is asking, by the secret that Clients:{service} says is its own.</summary>
public static class ClientSecrets
{
    private const string Section = "Clients";
    private const string BasicPrefix = "Basic ";
    private const int MaxHeaderChars = 1024;

    /// <returns>False when the service is unknown, has no secret or the secret is not its own; compared in constant time.</returns>
    public static bool Prove(IConfiguration configuration, string service, string secret)
    {
        // Looked for among the names as they are: by key, configuration would find "Orders" and "orders:" too.
        var expected = configuration.GetSection(Section).GetChildren()
            .FirstOrDefault(client => string.Equals(client.Key, service, StringComparison.Ordinal))?.Value;

        return AreSame(secret, string.IsNullOrEmpty(expected) ? RandomNumberGenerator.GetHexString(64) : expected);
    }

    /// <summary>The services that have a secret.</summary>
    public static IEnumerable<string> Known(IConfiguration configuration) =>
        configuration.GetSection(Section).GetChildren().Where(client => !string.IsNullOrEmpty(client.Value)).Select(client => client.Key);

    /// <summary>Reads `Authorization: Basic` as OAuth has it: name and secret form-encoded, a colon between, then base64.</summary>
    public static bool TryReadBasic(StringValues authorization, out string service, out string secret)
    {
        (service, secret) = ("", "");
        var header = authorization.ToString();
        if (header.Length > MaxHeaderChars || !header.StartsWith(BasicPrefix, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        var bytes = new byte[header.Length];
        if (!Convert.TryFromBase64String(header[BasicPrefix.Length..].Trim(), bytes, out var written)
            || Encoding.UTF8.GetString(bytes, 0, written).Split(':', 2) is not [var name, var word])
        {
            return false;
        }

        (service, secret) = (Uri.UnescapeDataString(name.Replace('+', ' ')), Uri.UnescapeDataString(word.Replace('+', ' ')));
        return true;
    }

    /// <summary>Writes what <see cref="TryReadBasic"/> reads.</summary>
    public static AuthenticationHeaderValue Basic(string service, string secret) => new(BasicPrefix.TrimEnd(), Convert.ToBase64String(
        Encoding.UTF8.GetBytes($"{Uri.EscapeDataString(service)}:{Uri.EscapeDataString(secret)}")));

    internal static bool AreSame(string given, string expected) => CryptographicOperations.FixedTimeEquals(
        SHA256.HashData(Encoding.UTF8.GetBytes(given)), SHA256.HashData(Encoding.UTF8.GetBytes(expected)));
}
