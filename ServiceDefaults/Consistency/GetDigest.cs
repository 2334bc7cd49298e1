using System.ComponentModel.DataAnnotations;
using System.Numerics;
using System.Security.Claims;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Consistency;

/// <summary>Digests one tracked table in one statement, and so at one moment: every organisation's rows, or the buckets of one's.</summary>
internal static class GetDigest
{
    private const int OrganisationsPerPage = 1_000;

    public sealed record DigestRequest(
        [property: Required, MaxLength(100)] string EntityType, Guid? OrganisationId, [property: Range(1, DigestSql.MaxBuckets)] int? Buckets, string? Cursor);

    public static async Task<Results<Ok<RowDigests>, ProblemHttpResult>> Handle(
        [AsParameters] DigestRequest request, ClaimsPrincipal user, Caller caller, ServiceDatabase database, CancellationToken cancel)
    {
        if (!user.MayAskFor(caller, request.OrganisationId))
        {
            return ConsistencyEndpoints.NotYours();
        }

        if (await ConsistencyEndpoints.TableOf(database, request.EntityType, cancel) is not { } table)
        {
            return ConsistencyEndpoints.NotTracked(request.EntityType);
        }

        return TypedResults.Ok(request.OrganisationId is { } organisation
            ? new RowDigests(await Buckets(database, table, organisation, request.Buckets ?? 1, cancel), null)
            : await Organisations(database, table, Paging.Decode<string>(request.Cursor), cancel));
    }

    private static async Task<RowDigests> Organisations(ServiceDatabase database, string table, string? after, CancellationToken cancel)
    {
        await using var digest = database.Digest.CreateCommand($"""
            SELECT org_id::text, {DigestSql.Numbers("id::text", "row_version")} FROM {table} WHERE org_id > $1 GROUP BY org_id ORDER BY org_id LIMIT {OrganisationsPerPage + 1}
            """);
        digest.Parameters.Add(new() { Value = Guid.TryParse(after, out var org) ? org : Guid.Empty });
        var page = Paging.Cut(await ConsistencyEndpoints.Read(digest, One, cancel), OrganisationsPerPage, row => row.Key);
        return new(page.Items, page.NextCursor);
    }

    private static async Task<List<RowDigest>> Buckets(ServiceDatabase database, string table, Guid organisation, int buckets, CancellationToken cancel)
    {
        await using var digest = database.Digest.CreateCommand($"""
            SELECT {DigestSql.Bucket("id::text", "$2")}::text, {DigestSql.Numbers("id::text", "row_version")} FROM {table} WHERE org_id = $1 GROUP BY 1
            """);
        digest.Parameters.Add(new() { Value = organisation });
        digest.Parameters.Add(new() { Value = (int)BitOperations.RoundUpToPowerOf2((uint)buckets) });
        return await ConsistencyEndpoints.Read(digest, One, cancel);
    }

    private static RowDigest One(NpgsqlDataReader row) => new(row.GetString(0), row.GetInt64(1), row.GetDecimal(2), row.GetDecimal(3));
}
