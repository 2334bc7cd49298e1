using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using OpsPlatform.ServiceDefaults.Auth;

namespace OpsPlatform.Testing;

/// <summary>Signs tokens as an identity service would and serves its public key, for services tested alone.</summary>
public sealed class TokenIssuer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private string _keyId = Guid.NewGuid().ToString("N");

    private TokenIssuer(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.First());

    public static async Task<TokenIssuer> Start()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var issuer = new TokenIssuer(app);
        app.MapGet("/identity/.well-known/jwks.json", () => TypedResults.Json(new { keys = new[] { issuer.PublicKey() } }));
        app.MapPost("/identity/token", issuer.IssueServiceToken);
        await app.StartAsync();
        return issuer;
    }

    /// <summary>The old key is published no more.</summary>
    public void ChangeKey()
    {
        _key.Dispose();
        (_key, _keyId) = (ECDsa.Create(ECCurve.NamedCurves.nistP256), Guid.NewGuid().ToString("N"));
    }

    /// <param name="change">Alters the claims before they are signed, to make tokens that must be refused.</param>
    public string Token(
        Guid org, string role = "owner", Guid? user = null, TimeSpan? lifetime = null, Action<Dictionary<string, object>>? change = null)
    {
        var now = DateTimeOffset.UtcNow;
        var claims = new Dictionary<string, object>
        {
            ["iss"] = "opsplatform",
            ["aud"] = "opsplatform",
            ["sub"] = (user ?? Guid.NewGuid()).ToString(),
            ["org"] = org.ToString(),
            ["role"] = role,
            ["name"] = "Test",
            ["iat"] = now.ToUnixTimeSeconds(),
            ["nbf"] = now.AddMinutes(-1).ToUnixTimeSeconds(),
            ["exp"] = now.Add(lifetime ?? TimeSpan.FromMinutes(10)).ToUnixTimeSeconds(),
        };
        change?.Invoke(claims);
        return new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(
            JsonSerializer.Serialize(claims),
            new SigningCredentials(new ECDsaSecurityKey(_key) { KeyId = _keyId }, SecurityAlgorithms.EcdsaSha256));
    }

    /// <summary>As the identity service gives one to a service for its secret.</summary>
    /// <param name="org">Null for a service that acts for itself.</param>
    public string ServiceToken(string service, Guid? org = null, TimeSpan? lifetime = null) => Token(org ?? Guid.Empty, "service", lifetime: lifetime, change: claims =>
    {
        claims["sub"] = claims["name"] = service;
        if (org is null)
        {
            claims.Remove("org");
        }
    });

    /// <summary>What ServiceFixture gives a service as Client:Secret.</summary>
    public static string SecretOf(string service) => $"secret-of-{service}-in-the-tests";

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _key.Dispose();
    }

    private async Task<IResult> IssueServiceToken(HttpRequest request)
    {
        var form = await request.ReadFormAsync();
        return ClientSecrets.TryReadBasic(request.Headers.Authorization, out var service, out var secret) && secret == SecretOf(service)
            ? TypedResults.Json(new
            {
                access_token = ServiceToken(service, Guid.TryParse(form["organisation_id"], out var org) ? org : null),
                token_type = "Bearer",
                expires_in = 600,
            })
            : TypedResults.Unauthorized();
    }

    private object PublicKey()
    {
        var point = _key.ExportParameters(false).Q;
        return new { kty = "EC", crv = "P-256", use = "sig", alg = "ES256", kid = _keyId, x = Base64UrlEncoder.Encode(point.X), y = Base64UrlEncoder.Encode(point.Y) };
    }
}
