using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Npgsql;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Errors;

/// <summary>How many of the organisation's changes this service captured, and how far they have travelled.</summary>
internal static class ChangeStats
{
    public record Response(long Captured, long Pending, long Processed, long Failed);

    public static void MapChangeStats(this WebApplication app, string service) =>
        app.MapGet($"/{service}/changes/stats", Handle).RequireAuthorization(Roles.Viewer).WithTags("changes")
            .WithSummary("How many of the organisation's changes were captured here, and how far they have travelled.");

    private static async Task<Response> Handle(Caller caller, ServiceDatabase database, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using (var tenant = Tenant.Command(connection, caller))
        {
            await tenant.ExecuteNonQueryAsync(cancel);
        }

        await using var count = new NpgsqlCommand("""
            SELECT count(*), count(*) FILTER (WHERE sync_status = 'pending'), count(*) FILTER (WHERE sync_status = 'processed'),
                   count(*) FILTER (WHERE sync_status = 'failed') FROM sync_events
            """, connection);
        await using var row = await count.ExecuteReaderAsync(cancel);
        await row.ReadAsync(cancel);
        return new(row.GetInt64(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3));
    }
}
