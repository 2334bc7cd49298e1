using System.Text.Json;
using Npgsql;

namespace OpsPlatform.System.Tests;

/// <summary>./run errors over every service: what could not be sent or applied is listed page by page, shown, and tried again one by one or all at once.</summary>
public sealed class ErrorTests(DrillSystem system) : IClassFixture<DrillSystem>
{
    private const int Many = 230;

    [Theory]
    [InlineData("identity")]
    [InlineData("registry")]
    [InlineData("inventory")]
    [InlineData("orders")]
    [InlineData("sync")]
    [InlineData("operations")]
    [InlineData("analytics")]
    public async Task Every_services_errors_are_listed_over_many_pages_and_all_are_tried_again(string service)
    {
        // Messages nobody listens to and changes of a thing nobody knows: once tried again, all of them leave.
        var change = Guid.NewGuid();
        await Sql(service, $$"""
            INSERT INTO outbox (id, message_type, body, correlation_id, status, attempts, error)
            SELECT gen_random_uuid(), 'StockLow', '{"ingredientId":"00000000-0000-0000-0000-000000000001","code":"x","stock":0,"reorderPoint":0,"unit":"g"}', gen_random_uuid(), 'failed', 3, 'poison'
            FROM generate_series(1, {{Many}});
            INSERT INTO sync_events (id, org_id, event_type, category, priority, entity_type, entity_id, row_version, operation, data, changed, metadata, size_bytes, shard, sync_status, attempts, error)
            VALUES ('{{change}}', gen_random_uuid(), 'thing_created', 'test', 'normal', 'thing', 'x', 1, 'create', '{"id":"x"}', '[]', '{}', 10, 0, 'failed', 3, 'poison');
            """);

        var listed = (await system.Run("errors", "list")).Output.Split('\n').Where(line => line.StartsWith(service, StringComparison.Ordinal)).ToArray();
        listed.Length.ShouldBe(Many + 1);
        var shown = (await system.Run("errors", "show", service, change.ToString())).Succeeds();
        JsonDocument.Parse(shown.Output).RootElement.GetProperty("error").GetString().ShouldBe("poison");

        (await system.Run("errors", "retry", service, change.ToString())).Succeeds();
        (await system.Run("errors", "retry", service, "all")).Succeeds().Output.ShouldContain($"{Many} from the outbox, 0 changes");

        await Eventually.Is(
            async () => await Sql(service, "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM sync_events WHERE sync_status <> 'processed')"), left => left == 0);
        (await system.Run("errors", "list")).Output.ShouldNotContain(change.ToString());
    }

    [Fact]
    public async Task Parked_messages_are_tried_again_all_at_once_and_parked_again_when_nothing_has_changed()
    {
        await Sql("inventory", $$"""
            INSERT INTO parked_messages (queue, message_type, message_id, content_type, body, error, attempts)
            SELECT 'inventory.OrderCancelled', 'unreadable', NULL, 'application/vnd.masstransit+json', convert_to('no message ' || n, 'UTF8'), 'poison', 1
            FROM generate_series(1, 20) n
            """);
        (await system.Run("errors", "retry", "inventory", "all")).Succeeds().Output.ShouldContain("20 messages");
        await Eventually.Is(async () => await Sql("inventory", "SELECT count(*) FROM parked_messages WHERE error <> 'poison'"), parked => parked >= 20);
        await Sql("inventory", "DELETE FROM parked_messages");
    }

    /// <returns>The first column of the first row, if there is one.</returns>
    private async Task<long> Sql(string service, string sql)
    {
        await using var admin = new NpgsqlConnection(await system.Database(service));
        await admin.OpenAsync();
        await using var command = new NpgsqlCommand(sql, admin);
        return await command.ExecuteScalarAsync() is long count ? count : 0;
    }
}
