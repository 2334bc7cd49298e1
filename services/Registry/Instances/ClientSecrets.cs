using System.Net.Http.Headers;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.Options;

namespace OpsPlatform.Registry.Instances;

/// <summary>
/// Services prove who they are with their own secret, checked here against Clients:{service}: it works while Identity is
/// away. At the gateway this door does not exist: what comes through it carries a token instead.
/// </summary>
internal static class ClientSecrets
{
    /// <summary>The caller's own service only: the {service} of the path, where there is one.</summary>
    public const string OwnName = "own service";

    /// <summary>The gateway only.</summary>
    public const string Gateway = "gateway";

    private const string Section = "Clients";

    public static void AddClientSecrets(this IServiceCollection services)
    {
        services.AddAuthentication().AddScheme<AuthenticationSchemeOptions, ClientHandler>(ClientHandler.Name, null);
        services.AddAuthorizationBuilder()
            .AddPolicy(OwnName, policy => policy.AddAuthenticationSchemes(ClientHandler.Name).RequireAuthenticatedUser()
                .RequireAssertion(context => context.Resource is HttpContext http && http.Request.RouteValues["service"] as string == http.User.Identity?.Name))
            .AddPolicy(Gateway, policy => policy.AddAuthenticationSchemes(ClientHandler.Name).RequireAuthenticatedUser()
                .RequireAssertion(context => context.User.Identity?.Name == Gateway));
    }

    /// <summary>The services that may register.</summary>
    public static IEnumerable<string> Known(IConfiguration configuration) =>
        configuration.GetSection(Section).GetChildren().Where(client => !string.IsNullOrEmpty(client.Value)).Select(client => client.Key);

    private sealed class ClientHandler(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, IConfiguration configuration)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
    {
        public const string Name = "Client";
        private const int MaxHeaderChars = 1000;

        protected override Task<AuthenticateResult> HandleAuthenticateAsync()
        {
            var text = Request.Headers.Authorization.ToString();
            if (text.Length > MaxHeaderChars || !AuthenticationHeaderValue.TryParse(text, out var header)
                || !header.Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase) || Decode(header.Parameter) is not [var service, var secret])
            {
                return Task.FromResult(AuthenticateResult.NoResult());
            }

            // An unknown name costs the same work as a wrong secret, and gets the same answer.
            var expected = service.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-') ? configuration[$"{Section}:{service}"] : null;
            var same = CryptographicOperations.FixedTimeEquals(Hash(secret), Hash(expected ?? ""));
            return Task.FromResult(same && expected is { Length: > 0 }
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

        private static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));

        private static string[]? Decode(string? parameter)
        {
            var bytes = new byte[MaxHeaderChars];
            return parameter is not null && Convert.TryFromBase64String(parameter, bytes, out var length)
                ? Encoding.UTF8.GetString(bytes, 0, length).Split(':', 2)
                : null;
        }
    }
}
