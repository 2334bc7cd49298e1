using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.OperationTracking.Reports;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Metadata;

/// <summary>Takes what is said of an operation's metadata, and reads it as it is with that.</summary>
internal sealed class MetadataKeeper(OperationsDb db, LatestMetadata latest, LatestReports reports, Caller caller)
{
    /// <summary>Of an operation, as the table's check has it.</summary>
    public const int MaxBytes = 256 * 1024;

    /// <returns>False when there would be too much of it.</returns>
    public async Task<bool> TryTake(Guid id, JsonElement said, CancellationToken cancel)
    {
        var patch = Members(said);
        // Whenever it comes round again, another was taken: of as many as come at once each has its turn.
        while (true)
        {
            var (unwritten, taken) = latest.With(caller.Org, id, patch);
            var json = JsonSerializer.Serialize(unwritten);
            var bytes = await db.Database.SqlQuery<int>($"""
                SELECT octet_length(merged_metadata((SELECT metadata FROM operation_metadata WHERE org_id = (SELECT current_org()) AND operation_id = {id}), {json}::jsonb)::text) AS "Value"
                """).SingleAsync(cancel);
            if (bytes > MaxBytes)
            {
                return false;
            }

            if (latest.TryTake(caller.Org, id, patch, taken))
            {
                return true;
            }
        }
    }

    public async Task<Patch> Read(Guid id, CancellationToken cancel)
    {
        // Before the table is read: what is written meanwhile is in one of them at least.
        var (unwritten, _) = latest.With(caller.Org, id, Members(reports.Of(caller.Org, id)?.Report.Metadata));
        var stored = await db.Database.SqlQuery<string>($"SELECT metadata::text AS \"Value\" FROM operation_metadata WHERE org_id = (SELECT current_org()) AND operation_id = {id}")
            .SingleOrDefaultAsync(cancel);
        return LatestMetadata.Merged(Members(stored), unwritten);
    }

    private static Patch Members(string? json) => Members(JsonElement.Parse(json ?? "{}"));

    private static Patch Members(JsonElement json) => json.EnumerateObject().ToDictionary(member => member.Name, member => member.Value);
}
