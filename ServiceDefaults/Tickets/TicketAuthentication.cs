using System.Buffers.Text;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Idempotency;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Tickets;

/// <summary>Lets a stream be opened with a ticket in the address, or else with a bearer token as everything is. The service's own migrations make feed_tickets.</summary>
public static class TicketAuthentication
{
    public const string Policy = "ticket or token";
    private const string Choice = "TicketOrToken";
    private const string Token = "Bearer";

    /// <param name="lifetime">How long a ticket can be used after it was given.</param>
    public static void AddTicketAuthentication(this IServiceCollection services, TimeSpan lifetime)
    {
        services.AddSingleton(new TicketLifetime(lifetime));
        services.AddAuthentication()
            .AddScheme<AuthenticationSchemeOptions, TicketHandler>(TicketHandler.Scheme, null)
            .AddPolicyScheme(Choice, null, options => options.ForwardDefaultSelector =
                http => http.Request.Query.ContainsKey(TicketHandler.Parameter) ? TicketHandler.Scheme : Token);
        services.AddAuthorizationBuilder().AddPolicy(Policy, policy => policy.AddAuthenticationSchemes(Choice).RequireAuthenticatedUser());
    }

    public static void MapTickets(this RouteGroupBuilder group) =>
        group.MapPost("/tickets", IssueTicket.Handle)
            .WithSummary("Gives a browser what it opens one stream with, as EventSource cannot send a token.")
            .WithoutIdempotencyKey("The answer is a secret that is shown once and kept nowhere. Ask for another ticket.");
}

internal sealed record TicketLifetime(TimeSpan Value);

/// <summary>Redeems the ticket: the stream then acts as the user who asked for it, until that user's token would have ended.</summary>
internal sealed class TicketHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder,
    [FromKeyedServices("app")] NpgsqlDataSource app, Caller caller, ServiceName service)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    public new const string Scheme = "Ticket";
    public const string Parameter = "ticket";
    private const int TicketChars = 43;

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var text = Request.Query[Parameter].ToString();
        if (text.Length != TicketChars || !Base64Url.IsValid(text))
        {
            return Refused();
        }

        await using var command = app.CreateCommand("SELECT org_id, user_id, role, token_expires_at, expires_at FROM redeem_ticket($1)");
        command.Parameters.Add(new() { Value = SHA256.HashData(Base64Url.DecodeFromChars(text)) });
        await using var rows = await command.ExecuteReaderAsync(Context.RequestAborted);
        var now = TimeProvider.GetUtcNow();
        if (!await rows.ReadAsync(Context.RequestAborted)
            || rows.GetFieldValue<DateTimeOffset>(3) <= now || rows.GetFieldValue<DateTimeOffset>(4) <= now)
        {
            return Refused();
        }

        var org = rows.GetGuid(0);
        var user = rows.GetString(1);
        caller.ActFor(org, user);
        var identity = new ClaimsIdentity(
            [
                new("sub", user),
                new(Tokens.OrgClaim, org.ToString()),
                new(Tokens.RoleClaim, rows.GetString(2)),
                new("exp", rows.GetFieldValue<DateTimeOffset>(3).ToUnixTimeSeconds().ToString()),
            ],
            Scheme, "name", Tokens.RoleClaim);
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), Scheme));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties) => Problem.Of(
        "ticket-refused", StatusCodes.Status401Unauthorized, "The ticket does not open a stream.",
        $"It is unknown, used or too old. Get a new one from POST /{service.Value}/tickets; each opens one stream.").ExecuteAsync(Context);

    private static AuthenticateResult Refused() => AuthenticateResult.Fail("The ticket does not open a stream.");
}
