using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.WebUtilities;

namespace OpsPlatform.Identity.Sessions;

/// <summary>A random text that proves who holds it: 256 bits, base64url. It is told once and only its hash is kept.</summary>
internal static class Secret
{
    private const int RandomBytes = 32;

    public static string NewText() => WebEncoders.Base64UrlEncode(RandomNumberGenerator.GetBytes(RandomBytes));

    public static byte[] NewSalt() => RandomNumberGenerator.GetBytes(RandomBytes);

    /// <summary>Another such text, which only this one and the salt together give: neither is known to whoever reads the tables.</summary>
    public static string SuccessorOf(string text, byte[] salt) => WebEncoders.Base64UrlEncode(
        HKDF.DeriveKey(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(text), RandomBytes, salt, "refresh successor"u8.ToArray()));

    /// <summary>Unsalted and fast: the text is random, so there is nothing to guess.</summary>
    public static byte[] HashOf(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
