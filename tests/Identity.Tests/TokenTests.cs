using System.Net;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using OpsPlatform.Testing;

namespace OpsPlatform.Identity.Tests;

[Collection(IdentityCollection.Name)]
public sealed class TokenTests(IdentityFixture fixture)
{
    [Fact]
    public async Task An_access_token_is_ES256_names_its_key_and_verifies_with_the_published_set()
    {
        var owner = await fixture.Register();
        var token = new JsonWebTokenHandler().ReadJsonWebToken(owner.Session.AccessToken);
        (token.Alg, token.Issuer, token.Subject).ShouldBe(("ES256", "opsplatform", owner.Session.UserId.ToString()));
        (token.ValidTo - token.IssuedAt).ShouldBe(TimeSpan.FromMinutes(10));
        token.Claims.Select(claim => claim.Type).ShouldBeSubsetOf(["sub", "org", "role", "name", "sid", "iss", "aud", "iat", "nbf", "exp"]);

        using var client = fixture.Anonymous();
        var set = JsonWebKeySet.Create(await client.GetStringAsync("/identity/.well-known/jwks.json"));
        set.Keys.ShouldAllBe(key => key.D == null && key.Kty == "EC" && key.Crv == "P-256" && key.Use == "sig" && key.Alg == "ES256");
        new JsonWebTokenHandler().ValidateToken(owner.Session.AccessToken, ServiceDefaults.Auth.Tokens.Rules(set.Keys.Where(key => key.Kid == token.Kid)))
            .IsValid.ShouldBeTrue();
    }

    [Fact]
    public async Task The_openid_document_points_to_the_key_set()
    {
        using var client = fixture.Anonymous();
        var document = await (await client.GetAsync("/identity/.well-known/openid-configuration")).Json();

        document.GetProperty("issuer").GetString().ShouldBe("opsplatform");
        (await client.GetAsync(document.GetProperty("jwks_uri").GetString())).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task The_API_document_names_every_path()
    {
        using var client = fixture.Anonymous();
        var document = await (await client.GetAsync("/identity/openapi.json")).Json();

        document.GetProperty("paths").EnumerateObject().Select(path => path.Name).Where(path => !path.Contains("/errors") && !path.Contains("/changes") && !path.EndsWith("/hops")).Order().ShouldBe([
            "/identity/.well-known/jwks.json", "/identity/.well-known/openid-configuration", "/identity/api-keys", "/identity/api-keys/{id}", "/identity/audit", "/identity/audit/mine",
            "/identity/export/members", "/identity/export/organisation",
            "/identity/invitations", "/identity/invitations/{id}", "/identity/join", "/identity/login", "/identity/logout", "/identity/me",
            "/identity/members", "/identity/members/{userId}", "/identity/organisation", "/identity/refresh", "/identity/register",
            "/identity/sessions", "/identity/sessions/revoke-others", "/identity/sessions/{id}", "/identity/switch"]);
        IdempotencyDocument.Undeclared(document.GetProperty("paths")).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("nothing changed", HttpStatusCode.OK)]
    [InlineData("expired", HttpStatusCode.Unauthorized)]
    [InlineData("not valid yet", HttpStatusCode.Unauthorized)]
    [InlineData("other audience", HttpStatusCode.Unauthorized)]
    [InlineData("other issuer", HttpStatusCode.Unauthorized)]
    [InlineData("other organisation put in", HttpStatusCode.Unauthorized)]
    [InlineData("signed by a stranger under our key id", HttpStatusCode.Unauthorized)]
    [InlineData("signed by a stranger under an own key id", HttpStatusCode.Unauthorized)]
    [InlineData("algorithm none", HttpStatusCode.Unauthorized)]
    [InlineData("HS256 with our public key as the secret", HttpStatusCode.Unauthorized)]
    [InlineData("no token", HttpStatusCode.Unauthorized)]
    [InlineData("garbage", HttpStatusCode.Unauthorized)]
    public async Task Only_a_token_we_signed_for_now_is_taken(string what, HttpStatusCode expected)
    {
        var owner = await fixture.Register();
        using var client = fixture.ClientWith(await Token(what, owner.Session));

        (await client.GetAsync("/identity/me")).StatusCode.ShouldBe(expected);
    }

    private async Task<string> Token(string what, SessionAnswer session)
    {
        await using var scope = fixture.Services.CreateAsyncScope();
        var stored = await scope.ServiceProvider.GetRequiredService<IdentityDb>().SigningKeys.AsNoTracking().SingleAsync();
        using var ours = ECDsa.Create();
        ours.ImportPkcs8PrivateKey(stored.PrivateKey, out _);
        using var strangers = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = DateTime.UtcNow;

        return what switch
        {
            "nothing changed" => Sign(ours, stored.Id, session, now),
            "expired" => Sign(ours, stored.Id, session, now.AddMinutes(-11)),
            "not valid yet" => Sign(ours, stored.Id, session, now.AddMinutes(5)),
            "other audience" => Sign(ours, stored.Id, session, now, audience: "others"),
            "other issuer" => Sign(ours, stored.Id, session, now, issuer: "others"),
            "other organisation put in" => WithPayload(session.AccessToken, session.OrganisationId, Guid.NewGuid()),
            "signed by a stranger under our key id" => Sign(strangers, stored.Id, session, now),
            "signed by a stranger under an own key id" => Sign(strangers, "strangers", session, now),
            "algorithm none" => $"{Encode("""{"alg":"none","typ":"JWT"}""")}.{session.AccessToken.Split('.')[1]}.",
            "HS256 with our public key as the secret" => Hs256(ours, stored.Id, session.AccessToken.Split('.')[1]),
            "no token" => "",
            _ => "a.b.c",
        };
    }

    private static string Sign(
        ECDsa key, string id, SessionAnswer session, DateTime from, string audience = "opsplatform", string issuer = "opsplatform") =>
        new JsonWebTokenHandler().CreateToken(new SecurityTokenDescriptor
        {
            Issuer = issuer,
            Audience = audience,
            IssuedAt = from,
            NotBefore = from,
            Expires = from.AddMinutes(10),
            Subject = new ClaimsIdentity(
                [new("sub", session.UserId.ToString()), new("org", session.OrganisationId.ToString()), new("role", "owner"), new("name", "Ada")]),
            SigningCredentials = new SigningCredentials(
                new ECDsaSecurityKey(key) { KeyId = id, CryptoProviderFactory = new CryptoProviderFactory { CacheSignatureProviders = false } },
                SecurityAlgorithms.EcdsaSha256),
        });

    private static string WithPayload(string token, Guid from, Guid to)
    {
        var parts = token.Split('.');
        var payload = Encoding.UTF8.GetString(Base64UrlEncoder.DecodeBytes(parts[1])).Replace(from.ToString(), to.ToString(), StringComparison.Ordinal);

        return $"{parts[0]}.{Encode(payload)}.{parts[2]}";
    }

    private static string Hs256(ECDsa key, string id, string payload)
    {
        var signed = $"{Encode(JsonSerializer.Serialize(new { alg = "HS256", typ = "JWT", kid = id }))}.{payload}";
        var mac = HMACSHA256.HashData(Encoding.ASCII.GetBytes(key.ExportSubjectPublicKeyInfoPem()), Encoding.ASCII.GetBytes(signed));

        return $"{signed}.{Base64UrlEncoder.Encode(mac)}";
    }

    private static string Encode(string text) => Base64UrlEncoder.Encode(Encoding.UTF8.GetBytes(text));
}
