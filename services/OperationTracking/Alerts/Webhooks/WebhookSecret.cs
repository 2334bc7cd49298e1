using System.Security.Cryptography;
using System.Text;

namespace OpsPlatform.OperationTracking.Alerts.Webhooks;

/// <summary>Secrets and signatures of the Standard Webhooks specification 1.0.0 (github.com/standard-webhooks/standard-webhooks), the symmetric ones.</summary>
internal static class WebhookSecret
{
    private const int Bytes = 32;

    public static byte[] New() => RandomNumberGenerator.GetBytes(Bytes);

    /// <summary>As people and libraries take it.</summary>
    public static string Text(byte[] secret) => "whsec_" + Convert.ToBase64String(secret);

    /// <summary>The header webhook-signature: one signature for each secret, apart by spaces.</summary>
    /// <param name="timestamp">Of the attempt, seconds since 1970.</param>
    public static string Sign(IEnumerable<byte[]> secrets, string id, long timestamp, string body)
    {
        var signed = Encoding.UTF8.GetBytes($"{id}.{timestamp}.{body}");
        return string.Join(' ', secrets.Select(secret => "v1," + Convert.ToBase64String(HMACSHA256.HashData(secret, signed))));
    }
}
