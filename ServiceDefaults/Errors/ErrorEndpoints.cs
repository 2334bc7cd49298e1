using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Idempotency;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Errors;

/// <summary>What a service could not send or apply: an admin sees the own organisation's, an operator everything.</summary>
internal static class ErrorEndpoints
{
    private const int MaxListed = 200;

    private const string AllSql = """
        SELECT id, org_id, 'outbox' AS kind, message_type AS name, attempts, error, created_at, body::text AS body FROM outbox WHERE status = 'failed'
        UNION ALL
        SELECT id, org_id, 'change', event_type, attempts, error, created_at, left(data::text, 4000) FROM sync_events WHERE sync_status = 'failed'
        UNION ALL
        SELECT id, org_id, 'message', message_type, attempts, error, created_at, left(encode(body, 'escape'), 4000) FROM parked_messages
        """;

    public record Item(Guid Id, Guid? OrgId, string Kind, string Name, int Attempts, string? Error, DateTimeOffset CreatedAt);

    public record Detail(Guid Id, Guid? OrgId, string Kind, string Name, int Attempts, string? Error, DateTimeOffset CreatedAt, string Body);

    public static void MapErrors(this WebApplication app, string service)
    {
        var errors = app.MapGroup($"/{service}/errors").RequireAuthorization(Roles.Operator).WithTags("errors");
        errors.MapGet("", List);
        errors.MapGet("/{id:guid}", Show);
        errors.MapPost("/{id:guid}/retry", Retry).WithoutIdempotencyKey("Sent again it finds the error retried already and does nothing.");
    }

    private static async Task<Page<Item>> List(HttpContext http, Caller caller, ServiceDatabase database, CancellationToken cancel)
    {
        var found = await Read(http, caller, database, null, cancel);
        return new([.. found.Select(x => new Item(x.Id, x.OrgId, x.Kind, x.Name, x.Attempts, x.Error, x.CreatedAt))], null);
    }

    private static async Task<Results<Ok<Detail>, ProblemHttpResult>> Show(Guid id, HttpContext http, Caller caller, ServiceDatabase database, CancellationToken cancel) =>
        (await Read(http, caller, database, id, cancel)).FirstOrDefault() is { } detail ? TypedResults.Ok(detail) : NoSuchError(id);

    private static async Task<Results<Accepted, ProblemHttpResult>> Retry(
        Guid id, HttpContext http, Caller caller, ServiceDatabase database, RelaySignal signal, Parking parking, CancellationToken cancel)
    {
        // Read as the caller first: row-level security decides whose errors these are.
        if ((await Read(http, caller, database, id, cancel)).FirstOrDefault() is not { } error)
        {
            return NoSuchError(id);
        }

        if (error.Kind == "message")
        {
            return await parking.Retry(id, cancel) ? TypedResults.Accepted((string?)null) : NoSuchError(id);
        }

        await using var again = database.Relay.CreateCommand(error.Kind == "outbox"
            ? "UPDATE outbox SET status = 'pending', attempts = 0, next_attempt_at = NULL WHERE id = $1 AND status = 'failed'"
            : "UPDATE sync_events SET sync_status = 'pending', attempts = 0, next_attempt_at = NULL WHERE id = $1 AND sync_status = 'failed'");
        again.Parameters.Add(new() { Value = id });
        await again.ExecuteNonQueryAsync(cancel);
        signal.Wake();
        return TypedResults.Accepted((string?)null);
    }

    private static async Task<List<Detail>> Read(HttpContext http, Caller caller, ServiceDatabase database, Guid? id, CancellationToken cancel)
    {
        var source = http.User.IsInRole(Roles.Operator) ? database.Relay : database.App;
        await using var connection = await source.OpenConnectionAsync(cancel);
        await using (var tenant = Tenant.Command(connection, caller))
        {
            await tenant.ExecuteNonQueryAsync(cancel);
        }

        await using var select = new NpgsqlCommand($"SELECT * FROM ({AllSql}) AS failed WHERE $1::uuid IS NULL OR id = $1 ORDER BY created_at DESC LIMIT {MaxListed}", connection)
        {
            Parameters = { new() { Value = (object?)id ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Uuid } },
        };
        await using var row = await select.ExecuteReaderAsync(cancel);
        List<Detail> found = [];
        while (await row.ReadAsync(cancel))
        {
            found.Add(new(
                row.GetGuid(0), row.IsDBNull(1) ? null : row.GetGuid(1), row.GetString(2), row.GetString(3), row.GetInt32(4),
                row.IsDBNull(5) ? null : row.GetString(5), row.GetFieldValue<DateTimeOffset>(6), row.GetString(7)));
        }

        return found;
    }

    private static ProblemHttpResult NoSuchError(Guid id) => Problem.Of("not-found", 404, "There is no such error.", $"{id} was retried already, or is not yours.");
}
