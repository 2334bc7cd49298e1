using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Sync.Health;

/// <summary>Changes an organisation's level: the level, the alert and the message in one transaction, and only from the level it had.</summary>
internal sealed class ChangeLevel(IServiceScopeFactory scopes, TimeProvider time)
{
    private const string Sql = """
        UPDATE sync_health SET level = $3, since = $4, better_samples = 0, worst_of_better = NULL, reasons = $5, checked_at = $4
        WHERE org_id = $1 AND level = $2
        """;

    private const string AlertSql = "INSERT INTO sync_alerts (org_id, id, level_from, level_to, reasons, changed_at) VALUES ($1, $2, $3, $4, $5, $6)";

    /// <returns>False when somebody else changed it first.</returns>
    public async Task<bool> Run(Guid org, HealthLevel from, HealthLevel to, IReadOnlyList<string> reasons, CancellationToken cancel)
    {
        await using var scope = scopes.CreateAsyncScope();
        scope.ServiceProvider.GetRequiredService<Caller>().ActFor(org, "sync-health");
        var db = scope.ServiceProvider.GetRequiredService<SyncDb>();
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var connection = (NpgsqlConnection)db.Database.GetDbConnection();
        var (before, after, at) = (Name(from), Name(to), time.GetUtcNow());
        await using var change = new NpgsqlCommand(Sql, connection)
        {
            Parameters = { new() { Value = org }, new() { Value = before }, new() { Value = after }, new() { Value = at }, List(reasons) },
        };
        if (await change.ExecuteNonQueryAsync(cancel) == 0)
        {
            return false;
        }

        await using var alert = new NpgsqlCommand(AlertSql, connection)
        {
            Parameters = { new() { Value = org }, new() { Value = Guid.CreateVersion7() }, new() { Value = before }, new() { Value = after }, List(reasons), new() { Value = at } },
        };
        await alert.ExecuteNonQueryAsync(cancel);
        db.Publish(new SyncHealthChanged(before, after, reasons, at));
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        return true;
    }

    internal static string Name(HealthLevel level) => level.ToString().ToLowerInvariant();

    internal static HealthLevel Parse(string name) => Enum.Parse<HealthLevel>(name, ignoreCase: true);

    internal static NpgsqlParameter List(IReadOnlyList<string> reasons) =>
        new() { Value = System.Text.Json.JsonSerializer.Serialize(reasons), NpgsqlDbType = NpgsqlDbType.Jsonb };
}
