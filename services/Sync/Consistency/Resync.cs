using System.ComponentModel.DataAnnotations;
using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.Sync.Consistency;

/// <summary>
/// Compares the organisation's rows with their tables now and has the wrong ones captured once more; or, as a preview, says which those are. An operation
/// while it lasts, which can be watched and cancelled.
/// </summary>
internal static class Resync
{
    /// <param name="Service">Only this service's tables.</param>
    /// <param name="EntityType">Only this one's rows; needs the service.</param>
    /// <param name="Ids">Only these; need the entity type.</param>
    /// <param name="Preview">Change nothing.</param>
    public sealed record ResyncRequest(
        [MaxLength(100)] string? Service = null, [MaxLength(100)] string? EntityType = null,
        [MinLength(1), MaxLength(RepairRows.MaxRows)] IReadOnlyList<string>? Ids = null, bool Preview = false) : IValidatableObject
    {
        private const int MaxIdLength = 200;

        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (EntityType is not null && Service is null)
            {
                yield return new("Name the service that the entity type is of.", [nameof(Service)]);
            }

            if (Ids is not null && EntityType is null)
            {
                yield return new("Name the entity type that the ids are of.", [nameof(EntityType)]);
            }

            if (Ids?.Any(id => id?.Length > MaxIdLength) == true)
            {
                yield return new($"An id has at most {MaxIdLength} characters.", [nameof(Ids)]);
            }
        }
    }

    /// <param name="Kind">missing, stale, extra or ahead: what the feed was, compared with the table.</param>
    public sealed record Row(string Service, string EntityType, string Id, MismatchKind Kind, long? SourceVersion, long? FeedVersion);

    /// <param name="Id">The operation's too.</param>
    /// <param name="Compared">Tables looked at.</param>
    /// <param name="Found">Rows that were wrong.</param>
    /// <param name="Repaired">Rows that were wrong and agree now; empty for a preview.</param>
    /// <param name="Remaining">Rows that are wrong still: beyond what one call repairs, not in the feed in time, or ahead, which only the service itself can mend.</param>
    public sealed record Response(
        Guid Id, bool Preview, int Compared, int Found, int RepairedCount, int RemainingCount, IReadOnlyList<Row> Repaired, IReadOnlyList<Row> Remaining, long TookMs);

    public static OperationKind Kind { get; } = new("sync.resync", [new("Comparing and repairing")]);

    /// <summary>In one process. Each holds connections of the pool that the feed is appended by: the rest of it is the feed's.</summary>
    private const int MaxAtOnce = 3;

    private static readonly SemaphoreSlim Turns = new(MaxAtOnce);

    private const string SaveSql = """
        INSERT INTO resyncs (org_id, id, requested_by, requested_at, took_ms, preview, request, result) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """;

    public static async Task<Results<Ok<Response>, ProblemHttpResult>> Handle(
        ResyncRequest request, HttpContext http, Caller caller, Sources sources, RepairRows repair, SyncDb db,
        [FromKeyedServices("relay")] NpgsqlDataSource relay, Operations operations, IOptions<SyncOptions> options, TimeProvider time, CancellationToken cancel)
    {
        if (request.Service is not null && !sources.Names.Contains(request.Service))
        {
            return Problems.NoSuchSource(request.Service);
        }

        if (!await Turns.WaitAsync(options.Value.ResyncPatience, cancel))
        {
            return Problems.TooManyResyncs(http, MaxAtOnce);
        }

        try
        {
            return await InTurn(request, caller, sources, repair, db, relay, operations, time, cancel);
        }
        finally
        {
            Turns.Release();
        }
    }

    private static async Task<Results<Ok<Response>, ProblemHttpResult>> InTurn(
        ResyncRequest request, Caller caller, Sources sources, RepairRows repair, SyncDb db, NpgsqlDataSource relay, Operations operations, TimeProvider time,
        CancellationToken cancel)
    {
        await using var guard = await relay.OpenConnectionAsync(cancel);
        await using var take = new NpgsqlCommand("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", guard) { Parameters = { new() { Value = $"resync {caller.Org}" } } };
        if (await take.ExecuteScalarAsync(cancel) is not true)
        {
            return Problems.ResyncRunning();
        }

        try
        {
            var started = Stopwatch.GetTimestamp();
            var at = time.GetUtcNow();
            await using var operation = await operations.Start(Kind, Subject(request), cancel);
            try
            {
                var result = await Run(request, caller, sources, repair, operation);
                result = result with { TookMs = (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds };
                await db.Read(connection => Save(connection, request, caller, at, result, cancel), cancel);
                operation.Complete(new { result.Compared, result.Found, result.RepairedCount, result.RemainingCount });
                return TypedResults.Ok(result);
            }
            catch (OperationCanceledException) when (operation.CancelledBy is not null)
            {
                return Problems.ResyncCancelled(operation.Id);
            }
        }
        finally
        {
            await using var release = new NpgsqlCommand("SELECT pg_advisory_unlock_all()", guard);
            await release.ExecuteNonQueryAsync(CancellationToken.None);
        }
    }

    private static OperationSubject Subject(ResyncRequest request) => new(
        (request.Preview ? "Preview of a resync" : "Resync") + (request.Service is null ? "" : $" of {request.Service}") + (request.EntityType is null ? "" : $" {request.EntityType}"),
        Context: new { request.Service, request.EntityType, Ids = request.Ids?.Count, request.Preview }, Tags: ["resync"]);

    private static async Task<Response> Run(ResyncRequest request, Caller caller, Sources sources, RepairRows repair, StartedOperation operation)
    {
        var cancel = operation.Token;
        List<Row> repaired = [];
        List<Row> remaining = [];
        var (compared, left) = (0, RepairRows.MaxRows);
        foreach (var service in sources.Names.Where(name => request.Service is null || name == request.Service))
        {
            if (await sources.State(service, cancel) is not { } state)
            {
                continue;
            }

            if (!request.Preview && !state.Auto)
            {
                await sources.Send(service, cancel);
            }

            foreach (var table in state.Tables.Where(table => request.EntityType is null || table.EntityType == request.EntityType))
            {
                var key = new TableKey(caller.Org, service, table.EntityType);
                var (done, open) = await repair.Run(key, table.Table, request.Ids, request.Preview ? 0 : left, caller.Actor, cancel);
                Row One(Mismatch mismatch) => new(service, table.EntityType, mismatch.Id, mismatch.Kind, mismatch.SourceVersion, mismatch.FeedVersion);
                repaired.AddRange(done.Select(One));
                remaining.AddRange(open.Select(One));
                left -= done.Count;
                compared++;
                operation.Did("rows repaired", repaired.Count, "/sync/mismatches");
                operation.Report(new(compared, Message: $"{service} {table.EntityType}: {done.Count} repaired"));
            }
        }

        return new(
            operation.Id, request.Preview, compared, repaired.Count + remaining.Count, repaired.Count, remaining.Count,
            repaired, [.. remaining.Take(RepairRows.MaxRows)], 0);
    }

    private static async Task<bool> Save(
        NpgsqlConnection connection, ResyncRequest request, Caller caller, DateTimeOffset at, Response result, CancellationToken cancel)
    {
        await using var save = new NpgsqlCommand(SaveSql, connection)
        {
            Parameters =
            {
                new() { Value = caller.Org }, new() { Value = result.Id }, new() { Value = caller.Actor ?? "" }, new() { Value = at },
                new() { Value = result.TookMs }, new() { Value = request.Preview },
                new() { Value = JsonSerializer.Serialize(request, Json.Options), NpgsqlDbType = NpgsqlDbType.Jsonb },
                new() { Value = JsonSerializer.Serialize(result, Json.Options), NpgsqlDbType = NpgsqlDbType.Jsonb },
            },
        };
        return await save.ExecuteNonQueryAsync(cancel) == 1;
    }
}
