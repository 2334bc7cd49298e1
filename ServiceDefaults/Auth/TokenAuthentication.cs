using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.ServiceDefaults.Auth;

/// <summary>Verifies ES256 bearer tokens; the algorithm, the issuer, the audience and the lifetime are fixed here.</summary>
public static class Tokens
{
    public const string Issuer = "opsplatform";
    public const string Audience = "opsplatform";
    public const string OrgClaim = "org";
    public const string RoleClaim = "role";

    /// <summary>Clocks of two machines may differ by this much.</summary>
    public static readonly TimeSpan ClockSkew = TimeSpan.FromSeconds(5);

    public static TokenValidationParameters Rules(IEnumerable<SecurityKey> keys) => new()
    {
        ValidIssuer = Issuer,
        ValidAudience = Audience,
        IssuerSigningKeys = keys,
        RequireSignedTokens = true,
        RequireExpirationTime = true,
        ValidateLifetime = true,
        ValidateIssuerSigningKey = true,
        ClockSkew = ClockSkew,
        NameClaimType = "name",
        RoleClaimType = RoleClaim,
    };

    internal static void AddTokenAuthentication(this IServiceCollection services, IConfiguration configuration)
    {
        services.TryAddSingleton<ISigningKeys, HttpSigningKeys>();
        services.TryAddSingleton<VerifiedTokens>();
        services.TryAddSingleton<ServiceTokens>();
        services.TryAddSingleton<ServiceClient>();
        services.AddAuthentication(TokenHandler.Scheme).AddScheme<TokenOptions, TokenHandler>(
            TokenHandler.Scheme, options => options.OperatorKey = configuration["Operator:Key"]);
        var authorization = services.AddAuthorizationBuilder();
        foreach (var role in Roles.Ranked)
        {
            authorization.AddPolicy(role, policy => policy.RequireAuthenticatedUser().RequireClaim(OrgClaim).RequireRole(Roles.AtLeast(role)));
        }

        authorization.AddPolicy(Roles.Service, policy => policy.RequireAuthenticatedUser().RequireAssertion(context =>
            context.User.IsInRole(Roles.Service)
            || (context.User.HasClaim(claim => claim.Type == OrgClaim) && Roles.AtLeast(Roles.Admin).Any(context.User.IsInRole))));
        authorization.AddPolicy(Roles.Platform, policy => policy.RequireRole(Roles.Service, Roles.Operator));
        authorization.AddPolicy(Roles.Operator, policy => policy.RequireRole([.. Roles.AtLeast(Roles.Admin), Roles.Operator]));
    }
}

internal sealed class TokenOptions : AuthenticationSchemeOptions
{
    public string? OperatorKey { get; set; }
}

internal sealed class TokenHandler(IOptionsMonitor<TokenOptions> options, ILoggerFactory loggers, UrlEncoder encoder, ISigningKeys keys, VerifiedTokens verified)
    : AuthenticationHandler<TokenOptions>(options, loggers, encoder)
{
    public new const string Scheme = "Bearer";
    private const string Prefix = "Bearer ";
    private const int MaxTokenChars = 8192;
    private static readonly JsonWebTokenHandler Reader = new();

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (Request.Headers["X-Operator-Key"].ToString() is { Length: > 0 } operatorKey)
        {
            return SameSecret(operatorKey, Options.OperatorKey)
                ? Ticket([new("sub", Roles.Operator), new(Tokens.RoleClaim, Roles.Operator)])
                : AuthenticateResult.Fail("The operator key is wrong.");
        }

        var header = Request.Headers.Authorization.ToString();
        if (!header.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
        {
            return AuthenticateResult.NoResult();
        }

        var text = header[Prefix.Length..].Trim();
        if (await verified.Find(text, keys, Context.RequestAborted) is { } claims)
        {
            return Ticket(claims);
        }

        if (text.Length > MaxTokenChars || Read(text) is not { } token)
        {
            return AuthenticateResult.Fail("The token cannot be read.");
        }

        if (token.Alg != SecurityAlgorithms.EcdsaSha256)
        {
            return AuthenticateResult.Fail("The token is not signed with ES256.");
        }

        var found = await keys.Find(token.Kid, Context.RequestAborted);
        var result = Reader.ValidateToken(text, Tokens.Rules(found));
        if (!result.IsValid)
        {
            return AuthenticateResult.Fail(result.Exception is SecurityTokenExpiredException ? "The token has expired." : "The token is not valid.");
        }

        verified.Add(text, token.Kid, found.First(), token.ValidTo + Tokens.ClockSkew, result.ClaimsIdentity.Claims);
        return Ticket(result.ClaimsIdentity.Claims);
    }

    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        var failure = (await HandleAuthenticateOnceSafeAsync()).Failure;
        Response.Headers.WWWAuthenticate = failure is null ? Scheme : $"{Scheme} error=\"invalid_token\"";
        await Problem.Of("unauthenticated", 401, "Log in first.", failure?.Message ?? "Send a bearer token from /identity/login.").ExecuteAsync(Context);
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        (EndpointRole.Of(Context.GetEndpoint()?.Metadata ?? EndpointMetadataCollection.Empty) == Roles.Platform
            ? Problem.Of("forbidden", 403, "This is the platform's own.", "No role in an organisation opens it: send the operator key as X-Operator-Key.")
            : Problem.Of("forbidden", 403, "Your role does not allow this.", "Ask an admin of the organisation for a higher role."))
        .ExecuteAsync(Context);

    private static JsonWebToken? Read(string text)
    {
        try
        {
            return Reader.ReadJsonWebToken(text);
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or Newtonsoft.Json.JsonException)
        {
            return null;
        }
    }

    private static AuthenticateResult Ticket(IEnumerable<Claim> claims) =>
        AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(new ClaimsIdentity(claims, Scheme, "name", Tokens.RoleClaim)), Scheme));

    private static bool SameSecret(string given, string? expected) => expected is { Length: > 0 } && ClientSecrets.AreSame(given, expected);
}
