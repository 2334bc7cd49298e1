using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using OpsPlatform.ServiceDefaults.Auth;

namespace OpsPlatform.Registry.Instances;

/// <summary>
/// Services prove who they are with their own secret, checked here against Clients:{service}: it works while Identity is
/// away. At the gateway this door does not exist: what comes through it carries a token instead.
/// </summary>
internal static class ClientProof
{
    /// <summary>The caller's own service only: the {service} of the path, where there is one.</summary>
    public const string OwnName = "own service";

    /// <summary>The gateway only.</summary>
    public const string Gateway = "gateway";

    public static void AddClientProof(this IServiceCollection services)
    {
        services.AddAuthentication().AddScheme<AuthenticationSchemeOptions, ClientHandler>(ClientHandler.Name, null);
        services.AddAuthorizationBuilder()
            .AddPolicy(OwnName, policy => policy.AddAuthenticationSchemes(ClientHandler.Name).RequireAuthenticatedUser()
                .RequireAssertion(context => context.Resource is HttpContext http && http.Request.RouteValues["service"] as string == http.User.Identity?.Name))
            .AddPolicy(Gateway, policy => policy.AddAuthenticationSchemes(ClientHandler.Name).RequireAuthenticatedUser()
                .RequireAssertion(context => context.User.Identity?.Name == Gateway));
    }

    private sealed class ClientHandler(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, IConfiguration configuration)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
    {
        public const string Name = "Client";

        protected override Task<AuthenticateResult> HandleAuthenticateAsync()
        {
            if (!ClientSecrets.TryReadBasic(Request.Headers.Authorization, out var service, out var secret))
            {
                return Task.FromResult(AuthenticateResult.NoResult());
            }

            return Task.FromResult(ClientSecrets.Prove(configuration, service, secret)
                ? AuthenticateResult.Success(new(new ClaimsPrincipal(new ClaimsIdentity([new("name", service)], Name, "name", "role")), Name))
                : AuthenticateResult.Fail("wrong"));
        }

        protected override Task HandleChallengeAsync(AuthenticationProperties properties)
        {
            Response.Headers.WWWAuthenticate = "Basic realm=\"registry\"";
            return Problems.UnknownClient.ExecuteAsync(Context);
        }

        protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
            Problems.NotYourName(Context.User.Identity?.Name ?? "").ExecuteAsync(Context);
    }
}
