using System.Security.Cryptography;
using Aspire.Hosting.Publishing;

/// <summary>A P-256 private key, made once: PKCS #8 in base64.</summary>
internal sealed class SigningKeyDefault : ParameterDefault
{
    public override string GetDefaultValue()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return Convert.ToBase64String(key.ExportPkcs8PrivateKey());
    }

    /// <summary>No manifest can tell another tool how to make one: whoever deploys gives it.</summary>
    public override void WriteToManifest(ManifestPublishingContext context)
    {
    }
}
