using System.Text.Json;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Npgsql;

namespace OpsPlatform.System.Tests;

/// <summary>The whole system with a health check every second.</summary>
public sealed class WatchedSystem : RunningSystem
{
    protected override void Configure(IDistributedApplicationTestingBuilder builder) =>
        builder.CreateResourceBuilder(builder.Resources.OfType<ProjectResource>().Single(project => project.Name == "sync"))
            .WithEnvironment("SYNC_HEALTH_CHECK_INTERVAL", "1");

    /// <summary>Does by hand, as an administrator and in one transaction, what no service would.</summary>
    /// <param name="statements">Each changes one row; $1 is the organisation and $2 the row's id.</param>
    public async Task Tamper(string service, Guid org, string id, params string[] statements)
    {
        await using var admin = new NpgsqlConnection(await App.GetConnectionStringAsync($"{service}db"));
        await admin.OpenAsync();
        await using var transaction = await admin.BeginTransactionAsync();
        foreach (var statement in statements)
        {
            await using var command = new NpgsqlCommand(statement, admin) { Parameters = { new() { Value = org }, new() { Value = id } } };
            (await command.ExecuteNonQueryAsync()).ShouldBe(1, statement);
        }

        await transaction.CommitAsync();
    }
}

public sealed class ConsistencyTests(WatchedSystem system, ITestOutputHelper output) : IClassFixture<WatchedSystem>
{
    /// <summary>Every tracked table of every service.</summary>
    private static readonly string[] Tables =
        ["identity.membership", "identity.organisation", "inventory.ingredient", "inventory.recipe", "orders.customer", "orders.menu_item", "orders.order"];

    [Fact]
    public async Task After_a_replay_every_table_agrees_and_whatever_is_lost_is_named_told_and_repaired()
    {
        using var organisation = await system.Register("Watched");
        (await Replays.Run(system.Gateway, output, organisation)).ExitCode.ShouldBe(0);
        var healthy = await Health(organisation, IsNormal);
        Names(healthy).ShouldBeSubsetOf(Tables);
        Names(healthy).ShouldBe(Tables.Except(["orders.customer"]), ignoreOrder: true);
        healthy.GetProperty("services").EnumerateArray().ShouldAllBe(service => service.GetProperty("unanswered").GetInt32() == 0);
        // A slow machine may have been late; nothing was wrong.
        (await Alerts(organisation)).SelectMany(alert => alert.GetProperty("reasons").EnumerateArray()).ShouldNotContain(reason => reason.GetString()!.Contains("differ"));

        // A row of the feed's state vanishes.
        var order = (await organisation.Get("/orders?limit=1")).GetProperty("items")[0].GetProperty("id").GetGuid();
        await system.Tamper("sync", organisation.Id, order.ToString(), "DELETE FROM feed_rows WHERE org_id = $1 AND entity_type = 'order' AND entity_id = $2");
        await IsFoundAndRepaired(organisation, "orders", "order", order);

        // A captured change is taken away before it is sent: one transaction, so that no relay sees it.
        var ingredient = (await organisation.Get("/ingredients?limit=1")).GetProperty("items")[0].GetProperty("id").GetGuid();
        await system.Tamper(
            "inventory", organisation.Id, ingredient.ToString(),
            "UPDATE ingredients SET name = 'changed unseen' WHERE org_id = $1 AND id::text = $2",
            "DELETE FROM sync_events WHERE org_id = $1 AND entity_id = $2 AND sync_status = 'pending'");
        await IsFoundAndRepaired(organisation, "inventory", "ingredient", ingredient);
    }

    private static async Task IsFoundAndRepaired(Organisation organisation, string service, string entityType, Guid id)
    {
        await Health(organisation, health => health.GetProperty("score").GetDouble() < 1 && health.GetProperty("level").GetString() != "normal");
        var found = (await organisation.Get("/sync/mismatches")).GetProperty("items").EnumerateArray().Single();
        (found.GetProperty("service").GetString(), found.GetProperty("entityType").GetString(), found.GetProperty("id").GetGuid()).ShouldBe((service, entityType, id));
        var alerts = (await Alerts(organisation)).Count;
        var repaired = await organisation.Post("/sync/resync", new { });
        repaired.GetProperty("repaired").EnumerateArray().Single().GetProperty("id").GetGuid().ShouldBe(id);
        await Health(organisation, IsNormal);
        (await Alerts(organisation)).Count.ShouldBe(alerts + 1);
    }

    private static bool IsNormal(JsonElement health) =>
        health.GetProperty("level").GetString() == "normal" && health.GetProperty("score").GetDouble() == 1
        && health.GetProperty("tables").GetArrayLength() >= 6
        && health.GetProperty("tables").EnumerateArray().All(table => table.GetProperty("inFlight").GetInt64() == 0);

    private static IEnumerable<string> Names(JsonElement health) =>
        health.GetProperty("tables").EnumerateArray().Select(table => $"{table.GetProperty("service").GetString()}.{table.GetProperty("entityType").GetString()}");

    private static async Task<IReadOnlyList<JsonElement>> Alerts(Organisation organisation) =>
        [.. (await organisation.Get("/sync/alerts")).GetProperty("items").EnumerateArray()];

    private static Task<JsonElement> Health(Organisation organisation, Func<JsonElement, bool> holds) =>
        Eventually.Is(() => organisation.Get("/sync/health"), holds, TimeSpan.FromMinutes(2));
}
