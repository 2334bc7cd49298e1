using System.ComponentModel.DataAnnotations;
using System.Numerics;
using System.Security.Claims;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Consistency;

/// <summary>
/// One statement, one moment: the rows and which of them have a change that waits. A row without one is, in the version seen here,
/// with the broker or beyond: it was sent, or it will never be.
/// </summary>
internal static class ReadRows
{
    public const int MaxRows = 20_000;

    /// <param name="Ids">The rows with these ids; or else</param>
    /// <param name="InBuckets">those in these of so many</param>
    /// <param name="Buckets">buckets.</param>
    public sealed record ReadRowsRequest(
        Guid OrganisationId,
        [Required, MaxLength(100)] string EntityType,
        [MaxLength(5_000)] IReadOnlyList<string>? Ids = null,
        [Range(1, DigestSql.MaxBuckets)] int? Buckets = null,
        [MaxLength(DigestSql.MaxBuckets)] IReadOnlyList<long>? InBuckets = null) : IValidatableObject
    {
        private const int MaxIdLength = 200;

        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (Ids?.Any(id => id?.Length > MaxIdLength) == true)
            {
                yield return new($"An id has at most {MaxIdLength} characters.", [nameof(Ids)]);
            }
        }
    }

    public static async Task<Results<Ok<SourceRows>, ProblemHttpResult>> Handle(
        ReadRowsRequest request, ClaimsPrincipal user, Caller caller, ServiceDatabase database, CancellationToken cancel)
    {
        if (!user.MayAskFor(caller, request.OrganisationId))
        {
            return ConsistencyEndpoints.NotYours();
        }

        if (await ConsistencyEndpoints.TableOf(database, request.EntityType, cancel) is not { } table)
        {
            return ConsistencyEndpoints.NotTracked(request.EntityType);
        }

        var byIds = request.Ids is not null;
        string Wanted(string id) => byIds ? $"{id} = ANY ($3)" : $"{DigestSql.Bucket(id, "$4")} = ANY ($3)";
        await using var read = database.Digest.CreateCommand($"""
            WITH present AS (
              SELECT id::text AS id, row_version FROM {table} WHERE org_id = $1 AND {Wanted("id::text")}
            ), waiting AS (
              SELECT DISTINCT entity_id AS id FROM sync_events
              WHERE sync_status = 'pending' AND org_id = $1 AND entity_type = $2 AND {Wanted("entity_id")}
            )
            SELECT coalesce(p.id, w.id), p.row_version, w.id IS NOT NULL FROM present p FULL JOIN waiting w ON w.id = p.id LIMIT {MaxRows}
            """);
        read.Parameters.Add(new() { Value = request.OrganisationId });
        read.Parameters.Add(new() { Value = request.EntityType });
        read.Parameters.Add(new() { Value = byIds ? request.Ids!.ToArray() : (request.InBuckets ?? []).ToArray() });
        if (!byIds)
        {
            read.Parameters.Add(new() { Value = (int)BitOperations.RoundUpToPowerOf2((uint)(request.Buckets ?? 1)) });
        }

        return TypedResults.Ok(new SourceRows(await ConsistencyEndpoints.Read(
            read, row => new SourceRow(row.GetString(0), row.IsDBNull(1) ? null : row.GetInt64(1), row.GetBoolean(2)), cancel)));
    }
}
