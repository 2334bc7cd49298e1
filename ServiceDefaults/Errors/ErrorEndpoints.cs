using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
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
    /// <summary>Parked messages sent again in one request; the answer says how many are left.</summary>
    private const int MaxRetried = 500;

    private const string AllSql = """
        SELECT id, org_id, 'outbox' AS kind, message_type AS name, attempts, error, created_at, body::text AS body FROM outbox WHERE status = 'failed'
        UNION ALL
        SELECT id, org_id, 'change', event_type, attempts, error, created_at, left(data::text, 4000) FROM sync_events WHERE sync_status = 'failed'
        UNION ALL
        SELECT id, org_id, 'message', message_type, attempts, error, created_at, left(encode(body, 'escape'), 4000) FROM parked_messages
        """;

    public record Item(Guid Id, Guid? OrgId, string Kind, string Name, int Attempts, string? Error, DateTimeOffset CreatedAt);

    /// <param name="Left">Parked messages that this request did not reach: send it again.</param>
    public record Retried(int Outbox, int Changes, int Messages, int Left);

    private sealed record Place(DateTimeOffset CreatedAt, Guid Id);

    public record Detail(Guid Id, Guid? OrgId, string Kind, string Name, int Attempts, string? Error, DateTimeOffset CreatedAt, string Body);

    public static void MapErrors(this WebApplication app, string service)
    {
        var errors = app.MapGroup($"/{service}/errors").RequireAuthorization(Roles.Operator).WithTags("errors");
        errors.MapGet("", List).WithSummary("What no attempt could send or apply, the latest first.");
        errors.MapGet("/{id:guid}", Show).WithSummary("One of them, with its body.");
        errors.MapPost("/{id:guid}/retry", Retry).WithSummary("Tries one again.")
            .WithoutIdempotencyKey("Sent again it finds the error retried already and does nothing.");
        errors.MapPost("/retry", RetryAll).WithSummary($"Tries all again, of parked messages {MaxRetried} in a request; the answer says how many are left.")
            .WithoutIdempotencyKey("Sent again it tries again what has failed since.");
    }

    private static async Task<Page<Item>> List(
        int? limit, string? cursor, HttpContext http, Caller caller, ServiceDatabase database, CancellationToken cancel)
    {
        var take = Paging.Limit(limit);
        var found = await Read(http, caller, database, null, Paging.Decode<Place>(cursor), take + 1, cancel);
        return Paging.Cut([.. found.Select(x => new Item(x.Id, x.OrgId, x.Kind, x.Name, x.Attempts, x.Error, x.CreatedAt))], take, x => new Place(x.CreatedAt, x.Id));
    }

    private static async Task<Ok<Retried>> RetryAll(
        HttpContext http, Caller caller, ServiceDatabase database, RelaySignal signal, Parking parking, CancellationToken cancel)
    {
        // The relay sees all rows, so whose they are is said here.
        object org = http.User.IsInRole(Roles.Operator) ? DBNull.Value : caller.Org;
        var outbox = await Again("UPDATE outbox SET status = 'pending', attempts = 0, next_attempt_at = NULL WHERE status = 'failed' AND ($1::uuid IS NULL OR org_id = $1)");
        var changes = await Again("UPDATE sync_events SET sync_status = 'pending', attempts = 0, next_attempt_at = NULL WHERE sync_status = 'failed' AND ($1::uuid IS NULL OR org_id = $1)");
        var (messages, left) = await parking.RetryAll(org, MaxRetried, cancel);
        signal.Wake();
        return TypedResults.Ok(new Retried(outbox, changes, messages, left));

        async Task<int> Again(string sql)
        {
            await using var again = database.Relay.CreateCommand(sql);
            again.Parameters.Add(new() { Value = org, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Uuid });
            return await again.ExecuteNonQueryAsync(cancel);
        }
    }

    private static async Task<Results<Ok<Detail>, ProblemHttpResult>> Show(Guid id, HttpContext http, Caller caller, ServiceDatabase database, CancellationToken cancel) =>
        (await Read(http, caller, database, id, null, 1, cancel)).FirstOrDefault() is { } detail ? TypedResults.Ok(detail) : NoSuchError(id);

    private static async Task<Results<Accepted, ProblemHttpResult>> Retry(
        Guid id, HttpContext http, Caller caller, ServiceDatabase database, RelaySignal signal, Parking parking, CancellationToken cancel)
    {
        // Read as the caller first: row-level security decides whose errors these are.
        if ((await Read(http, caller, database, id, null, 1, cancel)).FirstOrDefault() is not { } error)
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

    private static async Task<List<Detail>> Read(
        HttpContext http, Caller caller, ServiceDatabase database, Guid? id, Place? after, int limit, CancellationToken cancel)
    {
        var source = http.User.IsInRole(Roles.Operator) ? database.Relay : database.App;
        await using var connection = await source.OpenConnectionAsync(cancel);
        await using (var tenant = Tenant.Command(connection, caller))
        {
            await tenant.ExecuteNonQueryAsync(cancel);
        }

        await using var select = new NpgsqlCommand(
            $"""
            SELECT * FROM ({AllSql}) AS failed
            WHERE ($1::uuid IS NULL OR id = $1) AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
            ORDER BY created_at DESC, id DESC LIMIT $4
            """,
            connection)
        {
            Parameters =
            {
                new() { Value = (object?)id ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Uuid },
                new() { Value = (object?)after?.CreatedAt ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.TimestampTz },
                new() { Value = after?.Id ?? Guid.Empty },
                new() { Value = limit },
            },
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
