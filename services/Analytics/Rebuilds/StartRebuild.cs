using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Tenancy;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.Analytics.Rebuilds;

/// <summary>
/// Starts counting the organisation from zero, from what Orders, Inventory and Identity hold. What is shown stays until the new
/// count is complete; from this answer on everything heard goes into both.
/// </summary>
internal static class StartRebuild
{
    public static async Task<Results<Accepted<RebuildResponse>, ProblemHttpResult>> Handle(
        AnalyticsDb db, Caller caller, Operations operations, TimeProvider time, HttpContext http, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.Database.ExecuteSqlAsync($"SELECT hold_organisation()", cancel);
        if (await db.Rebuilds.AsNoTracking().FirstOrDefaultAsync(x => x.State == RebuildState.Waiting || x.State == RebuildState.Running, cancel) is { } running)
        {
            return Problems.RebuildRunning(running.Id);
        }

        var generation = (await db.Database.SqlQuery<int>(
            $"""
            UPDATE organisations SET last_generation = last_generation + 1, building_generation = last_generation + 1
            WHERE org_id = (SELECT current_org()) RETURNING building_generation AS "Value"
            """).ToListAsync(cancel))[0];
        var rebuild = new Rebuild
        {
            OrgId = caller.Org,
            Id = Guid.CreateVersion7(time.GetUtcNow()),
            Generation = generation,
            RequestedBy = caller.Actor,
            RequestedAt = time.GetUtcNow(),
        };
        db.Add(rebuild);
        operations.Add<RebuildWork, RebuildWork.Args>(rebuild.Id, new(rebuild.Id), new("Counting everything anew", "rebuild", rebuild.Id.ToString(), Tags: ["rebuild"]));
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        operations.Wake();
        Operations.Point(http, rebuild.Id);
        return TypedResults.Accepted($"/analytics/rebuilds/{rebuild.Id}", RebuildResponse.Of(rebuild));
    }
}
