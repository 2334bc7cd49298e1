using System.ComponentModel.DataAnnotations;
using System.Security.Claims;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Consistency;

/// <summary>What is captured and not sent, read through the small indexes over just that.</summary>
internal static class ListUnsent
{
    public sealed record ListUnsentRequest(
        Guid OrganisationId,
        [property: Required, RegularExpression("pending|failed", ErrorMessage = "must be pending or failed")] string Status);

    public static async Task<Results<Ok<UnsentChanges>, ProblemHttpResult>> Handle(
        [AsParameters] ListUnsentRequest request, ClaimsPrincipal user, Caller caller, ServiceDatabase database, CancellationToken cancel)
    {
        if (!user.MayAskFor(caller, request.OrganisationId))
        {
            return ConsistencyEndpoints.NotYours();
        }

        // The status is written out so that the partial indexes fit.
        await using var read = database.Digest.CreateCommand($"""
            SELECT id, event_type, category, priority, entity_type, entity_id, row_version, operation, sync_status, attempts, error, created_at
            FROM sync_events WHERE sync_status = '{(request.Status == "failed" ? "failed" : "pending")}' AND org_id = $1 ORDER BY seq DESC LIMIT {Paging.MaxLimit}
            """);
        read.Parameters.Add(new() { Value = request.OrganisationId });
        return TypedResults.Ok(new UnsentChanges(await ConsistencyEndpoints.Read(
            read,
            row => new UnsentChange(
                row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetString(4), row.GetString(5), row.GetInt64(6), row.GetString(7),
                row.GetString(8), row.GetInt32(9), row.IsDBNull(10) ? null : row.GetString(10), row.GetFieldValue<DateTimeOffset>(11)),
            cancel)));
    }
}
