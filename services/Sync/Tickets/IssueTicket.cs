using System.Security.Claims;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;
using Npgsql;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Sync.Tickets;

/// <summary>Gives a browser what it opens one stream with, as EventSource cannot send a token.</summary>
internal static class IssueTicket
{
    private const int TicketBytes = 32;

    private const string Sql = """
        INSERT INTO feed_tickets (hash, org_id, user_id, role, token_expires_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
        """;

    public sealed record Response(string Ticket, DateTimeOffset ExpiresAt);

    public static async Task<Ok<Response>> Handle(
        HttpContext http, Caller caller, SyncDb db, IOptions<SyncOptions> options, TimeProvider time, CancellationToken cancel)
    {
        var ticket = RandomNumberGenerator.GetBytes(TicketBytes);
        var expiresAt = time.GetUtcNow() + options.Value.TicketLifetime;
        await db.Read(
            async connection =>
            {
                await using var command = new NpgsqlCommand(Sql, connection)
                {
                    Parameters =
                    {
                        new() { Value = SHA256.HashData(ticket) },
                        new() { Value = caller.Org },
                        new() { Value = caller.Actor! },
                        new() { Value = http.User.FindFirstValue(Tokens.RoleClaim)! },
                        new() { Value = DateTimeOffset.FromUnixTimeSeconds(long.Parse(http.User.FindFirstValue("exp")!)) },
                        new() { Value = expiresAt },
                    },
                };
                return await command.ExecuteNonQueryAsync(cancel);
            },
            cancel);
        http.Response.Headers.CacheControl = "no-store";
        return TypedResults.Ok(new Response(WebEncoders.Base64UrlEncode(ticket), expiresAt));
    }
}
