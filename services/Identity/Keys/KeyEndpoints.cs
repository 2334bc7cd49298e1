using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.WebUtilities;
using OpsPlatform.ServiceDefaults.Auth;

namespace OpsPlatform.Identity.Keys;

/// <summary>What anybody needs to verify our tokens, for verifiers of ours and for OpenID Connect clients.</summary>
internal static class KeyEndpoints
{
    private const string Base = "/identity/.well-known";
    private const int CacheSeconds = 60;

    public sealed record KeySet(IReadOnlyList<Key> Keys);

    public sealed record Key(string Kty, string Crv, string X, string Y, string Kid, string Use, string Alg);

    public sealed record OpenIdDocument(
        [property: JsonPropertyName("issuer")] string Issuer,
        [property: JsonPropertyName("jwks_uri")] string JwksUri,
        [property: JsonPropertyName("token_endpoint")] string TokenEndpoint,
        [property: JsonPropertyName("response_types_supported")] IReadOnlyList<string> ResponseTypes,
        [property: JsonPropertyName("subject_types_supported")] IReadOnlyList<string> SubjectTypes,
        [property: JsonPropertyName("id_token_signing_alg_values_supported")] IReadOnlyList<string> Algorithms,
        [property: JsonPropertyName("claims_supported")] IReadOnlyList<string> Claims);

    public static void MapKeys(this IEndpointRouteBuilder app)
    {
        var documents = app.MapGroup(Base).AllowAnonymous().WithTags("keys");

        documents.MapGet("/jwks.json", Jwks);
        documents.MapGet("/openid-configuration", OpenIdConfiguration);
    }

    private static Ok<KeySet> Jwks(KeyRing ring, HttpResponse response)
    {
        response.Headers.CacheControl = $"public, max-age={CacheSeconds}";

        return TypedResults.Ok(new KeySet([.. ring.Published().Select(key => new Key(
            "EC", "P-256", WebEncoders.Base64UrlEncode(key.Point.X!), WebEncoders.Base64UrlEncode(key.Point.Y!), key.Id, "sig", "ES256"))]));
    }

    private static Ok<OpenIdDocument> OpenIdConfiguration(HttpRequest request, IConfiguration configuration)
    {
        var root = (configuration["Identity:PublicUrl"] ?? $"{request.Scheme}://{request.Host}").TrimEnd('/');

        return TypedResults.Ok(new OpenIdDocument(
            Tokens.Issuer, $"{root}{Base}/jwks.json", $"{root}/identity/refresh", ["token"], ["public"], ["ES256"], ["sub", "org", "role", "name"]));
    }
}
