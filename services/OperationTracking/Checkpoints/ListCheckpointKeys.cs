using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.WebUtilities;

namespace OpsPlatform.OperationTracking.Checkpoints;

/// <summary>Public keys that checkpoints are verified with, as a JWK set (RFC 7517), the present one first. Keep them where nobody of the service can change them.</summary>
internal static class ListCheckpointKeys
{
    public record CheckpointKeySet(IReadOnlyList<CheckpointKey> Keys);

    /// <param name="Kid">The key's thumbprint by RFC 7638.</param>
    public record CheckpointKey(string Kty, string Crv, string X, string Y, string Kid, string Use, string Alg);

    public static Ok<CheckpointKeySet> Handle(CheckpointKeys keys) => TypedResults.Ok(new CheckpointKeySet([.. keys.Published().Select(key =>
        new CheckpointKey("EC", "P-256", WebEncoders.Base64UrlEncode(key.Point.X!), WebEncoders.Base64UrlEncode(key.Point.Y!), key.Id, "sig", "ES256"))]));
}
