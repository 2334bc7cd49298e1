using System.ComponentModel.DataAnnotations;
using System.Security.Claims;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using NpgsqlTypes;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Consistency;

/// <summary>Captures rows once more in the version they have: readers that have it already ignore the repeat.</summary>
internal static class EmitChanges
{
    public const int MaxRows = 1_000;

    public sealed record EmitChangesRequest(
        Guid OrganisationId, [Required, MaxLength(100)] string EntityType, [Required, MinLength(1), MaxLength(MaxRows)] IReadOnlyList<RowRequest> Rows, [MaxLength(200)] string? Actor = null);

    /// <param name="KnownVersion">The version the reader has, so that it is told of the deletion of a row that is gone; null when it has none.</param>
    public sealed record RowRequest([Required, MaxLength(200)] string Id, [Range(typeof(long), "0", "9223372036854775806")] long? KnownVersion = null);

    public static async Task<Results<Ok<EmittedChanges>, ProblemHttpResult>> Handle(
        EmitChangesRequest request, ClaimsPrincipal user, Caller caller, ServiceDatabase database, RelaySignal signal, CancellationToken cancel)
    {
        if (!user.MayAskFor(caller, request.OrganisationId))
        {
            return ConsistencyEndpoints.NotYours();
        }

        if (await ConsistencyEndpoints.TableOf(database, request.EntityType, cancel) is null)
        {
            return ConsistencyEndpoints.NotTracked(request.EntityType);
        }

        await using var emit = database.Digest.CreateCommand("SELECT emitted_id, emitted_operation, emitted_version FROM ops_emit_changes($1, $2, $3, $4, $5)");
        emit.Parameters.Add(new() { Value = request.OrganisationId });
        emit.Parameters.Add(new() { Value = request.EntityType });
        emit.Parameters.Add(new() { Value = request.Rows.Select(row => row.Id).ToArray() });
        emit.Parameters.Add(new() { Value = request.Rows.Select(row => row.KnownVersion).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint });
        // Only a service acts for somebody else; anybody's own word is their token's.
        var actor = user.IsInRole(Roles.Service) ? request.Actor ?? caller.Actor : caller.Actor;
        emit.Parameters.Add(new()
        {
            Value = JsonSerializer.Serialize(new { actor, source = "resync", correlationId = caller.CorrelationId, traceparent = caller.TraceParent }),
            NpgsqlDbType = NpgsqlDbType.Jsonb,
        });
        var emitted = await ConsistencyEndpoints.Read(emit, row => new EmittedChange(row.GetString(0), row.GetString(1), row.GetInt64(2)), cancel);
        await SendChanges.Demand(database, signal, cancel);
        return TypedResults.Ok(new EmittedChanges(emitted));
    }
}
