using System.Security.Claims;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Tickets;

/// <summary>Gives a browser what it opens one stream with, as EventSource cannot send a token.</summary>
internal static class IssueTicket
{
    private const int TicketBytes = 32;

    private const string Sql = """
        INSERT INTO feed_tickets (hash, org_id, user_id, role, token_expires_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
        """;

    public sealed record Response(string Ticket, DateTimeOffset ExpiresAt);

    public static async Task<Ok<Response>> Handle(HttpContext http, Caller caller, ServiceDatabase database, TimeProvider time, CancellationToken cancel)
    {
        var ticket = RandomNumberGenerator.GetBytes(TicketBytes);
        var expiresAt = time.GetUtcNow() + http.RequestServices.GetRequiredService<TicketLifetime>().Value;
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await using var batch = new NpgsqlBatch(connection, transaction)
        {
            BatchCommands =
            {
                Tenant.ForTransaction(caller.Org),
                new(Sql)
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
                },
            },
        };
        await batch.ExecuteNonQueryAsync(cancel);
        await transaction.CommitAsync(cancel);
        http.Response.Headers.CacheControl = "no-store";
        return TypedResults.Ok(new Response(WebEncoders.Base64UrlEncode(ticket), expiresAt));
    }
}
