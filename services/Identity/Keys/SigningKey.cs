using System.Security.Cryptography;
using Microsoft.AspNetCore.WebUtilities;

namespace OpsPlatform.Identity.Keys;

/// <summary>A P-256 key pair as stored; PrivateKey is PKCS #8, sealed if SealedWith names a key.</summary>
internal sealed class SigningKey
{
    private const int IdBytes = 12;

    public required string Id { get; init; }

    public required byte[] PrivateKey { get; set; }

    public string? SealedWith { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset SignsFrom { get; init; }

    public static SigningKey Make(DateTimeOffset now, DateTimeOffset signsFrom)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        return new SigningKey
        {
            Id = WebEncoders.Base64UrlEncode(RandomNumberGenerator.GetBytes(IdBytes)),
            PrivateKey = key.ExportPkcs8PrivateKey(),
            CreatedAt = now,
            SignsFrom = signsFrom,
        };
    }
}
