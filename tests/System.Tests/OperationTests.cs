using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Aspire.Hosting.Testing;

namespace OpsPlatform.System.Tests;

/// <summary>Long-running work, followed through the gateway while its worker is killed.</summary>
[Collection(nameof(SystemCollection))]
public sealed class OperationTests(RunningSystem system, ITestOutputHelper output)
{
    private const int Rounds = 10;
    private const int Sigkill = 9;

    /// <summary>More than are deleted at once.</summary>
    private const int Versions = 600;

    private static readonly TimeSpan TakenUpAgainWithin = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task An_export_whose_worker_is_killed_in_the_middle_goes_on_and_holds_every_order_once()
    {
        using var organisation = await system.Register("Export");
        var pack = Replays.LongPack(Rounds);
        var replay = await Replays.Run(system.Gateway, output, organisation, "--data", pack);
        Directory.Delete(pack, recursive: true);
        replay.ExitCode.ShouldBe(0);
        var orders = (long)replay.Figure("ordersConfirmed");
        orders.ShouldBeGreaterThan(1_000);

        var (operation, href, killedAt) = await KillInTheThirdPart(organisation);

        var done = await Ended(organisation, operation);
        done.GetProperty("status").GetString().ShouldBe("completed", done.GetRawText());
        done.GetProperty("attempt").GetInt32().ShouldBe(2);
        (done.GetProperty("completedAt").GetDateTimeOffset() - killedAt).ShouldBeLessThan(TakenUpAgainWithin);
        var file = await organisation.Client.GetStringAsync(href);
        var ids = file.Split("\r\n")[1..^1].Select(line => line[..36]).Distinct().ToList();
        ids.Count.ShouldBe((int)orders);
        done.GetProperty("result").GetProperty("orders").GetInt64().ShouldBe(orders);
        file.Split("\r\n").Length.ShouldBe((int)done.GetProperty("result").GetProperty("lines").GetInt64() + 2);
    }

    [Fact]
    public async Task An_import_whose_workers_are_killed_in_the_middle_goes_on_and_moves_each_line_once()
    {
        using var organisation = await system.Register("Import");
        await organisation.Post("/ingredients", Flour(Guid.NewGuid()));
        object[] lines = [.. Enumerable.Range(1, 450).Select(i => new { code = "flour", changeType = "increase", quantity = i })];
        await using var held = await HeldRows.Of(await system.App.GetConnectionStringAsync("inventorydb"), "stock_import_lines", "UPDATE", "NEW.line_no = 250");
        var import = await organisation.Post("/inventory/imports", new { lines });
        var operation = import.GetProperty("id").GetGuid();
        await Eventually.Is(() => organisation.Get($"/operations/{operation}"), x => x.GetProperty("counters").GetProperty("done").GetRawText() == "200");

        var killedAt = DateTimeOffset.UtcNow;
        system.Signal("inventory-0", Sigkill);
        system.Signal("inventory-1", Sigkill);
        await held.Release();

        var done = await Ended(organisation, operation);
        (done.GetProperty("status").GetString(), done.GetProperty("attempt").GetInt32()).ShouldBe(("completed", 2), done.GetRawText());
        (done.GetProperty("completedAt").GetDateTimeOffset() - killedAt).ShouldBeLessThan(TakenUpAgainWithin);
        var counters = done.GetProperty("counters");
        (counters.GetProperty("done").GetInt64(), counters.GetProperty("failed").GetInt64()).ShouldBe((450L, 0L));
        (await organisation.Get("/ingredients?q=flour")).GetProperty("items")[0].GetProperty("stock").GetDecimal().ShouldBe(5 + (450 * 451 / 2));
    }

    [Fact]
    public async Task An_export_whose_worker_is_killed_while_it_takes_back_what_it_wrote_is_cancelled_and_leaves_nothing_behind()
    {
        using var organisation = await system.Register("Cancelled export");
        var database = await system.App.GetConnectionStringAsync("ordersdb");
        // Neither is the file finished nor what there is of it deleted.
        await using var held = await HeldRows.Of(database, "order_exports", "UPDATE OR DELETE", "true");
        var export = await organisation.Post("/orders/exports", new { from = "2000-01-01T00:00:00Z", to = "2100-01-01T00:00:00Z" });
        var operation = export.GetProperty("operationId").GetGuid();
        string Count(string rows) => $"SELECT count(*) FROM {rows}";
        var waits = Count("pg_stat_activity WHERE wait_event = 'advisory' AND query LIKE '%order_exports%'");
        await Eventually.Is(async () => await held.Read(Count($"order_export_parts WHERE export_id = '{operation}'")) == 1 && await held.Read(waits) == 1);
        await organisation.Post($"/operations/{operation}/cancel", new { });
        await Eventually.Is(async () => await held.Read(Count($"operation_work WHERE id = '{operation}' AND is_compensating")) == 1
            && await held.Read($"{waits} AND query LIKE '%DELETE%'") == 1);
        (await organisation.Get($"/operations/{operation}")).GetProperty("status").GetString().ShouldBe("cancelling");

        var killedAt = DateTimeOffset.UtcNow;
        await system.Kill("orders");
        (await held.Read(Count($"order_export_parts WHERE export_id = '{operation}'"))).ShouldBe(1);
        await held.Release();

        var done = await Ended(organisation, operation);
        (done.GetProperty("status").GetString(), done.GetProperty("attempt").GetInt32()).ShouldBe(("cancelled", 2), done.GetRawText());
        (done.GetProperty("completedAt").GetDateTimeOffset() - killedAt).ShouldBeLessThan(TakenUpAgainWithin);
        done.GetProperty("effects").GetArrayLength().ShouldBe(0);
        (await held.Read(Count($"order_exports WHERE id = '{operation}'"))).ShouldBe(0);
        (await held.Read(Count($"order_export_parts WHERE export_id = '{operation}'"))).ShouldBe(0);
        (await organisation.Client.GetAsync(export.GetProperty("href").GetString()!)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_recipe_and_its_history_are_deleted_after_two_votes_also_when_the_workers_are_killed_in_the_middle()
    {
        using var owner = await system.Register("Deletion");
        using var first = await owner.Join("admin");
        using var second = await owner.Join("admin");
        var (flour, bread) = (Guid.NewGuid(), Guid.NewGuid());
        await owner.Post("/ingredients", Flour(flour));
        await owner.Post("/recipes", new { id = bread, code = "bread", name = "Bread", yieldQuantity = 1, yieldUnit = "piece", lines = Lines(flour) });
        for (var yield = 2; yield <= Versions; yield++)
        {
            (await owner.Client.PutAsJsonAsync($"/recipes/{bread}", new { code = "bread", name = "Bread", yieldQuantity = yield, yieldUnit = "piece", lines = Lines(flour) })).EnsureSuccessStatusCode();
        }

        using var asked = await owner.Client.PostAsJsonAsync($"/recipes/{bread}/deletion", new { reason = "Nobody buys it." });
        asked.StatusCode.ShouldBe(HttpStatusCode.Accepted, await asked.Content.ReadAsStringAsync());
        var operation = Guid.Parse(asked.Headers.GetValues("Operation-Location").Single().Split('/')[2]);
        await using var held = await HeldRows.Of(await system.App.GetConnectionStringAsync("inventorydb"), "recipe_versions", "DELETE", $"OLD.recipe_id = '{bread}' AND OLD.row_version = {Versions - 1}");

        await Vote(owner, operation, HttpStatusCode.Forbidden);
        await Vote(first, operation, HttpStatusCode.OK);
        (await owner.Get($"/operations/{operation}")).GetProperty("status").GetString().ShouldBe("waiting_for_approval");
        await Vote(second, operation, HttpStatusCode.OK);
        await Eventually.Is(() => owner.Get($"/operations/{operation}"), x => x.GetProperty("counters").GetProperty("done").GetRawText() == "500");

        var killedAt = DateTimeOffset.UtcNow;
        system.Signal("inventory-0", Sigkill);
        system.Signal("inventory-1", Sigkill);
        await held.Release();

        var done = await Ended(owner, operation);
        (done.GetProperty("status").GetString(), done.GetProperty("attempt").GetInt32()).ShouldBe(("completed", 2), done.GetRawText());
        (done.GetProperty("completedAt").GetDateTimeOffset() - killedAt).ShouldBeLessThan(TakenUpAgainWithin);
        done.GetProperty("result").GetProperty("versionsDeleted").GetInt32().ShouldBe(Versions);
        (await owner.Client.GetAsync($"/recipes/{bread}/versions")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    private static object Flour(Guid id) =>
        new { id, code = "flour", name = "Flour", category = "dry", kind = "ingredient", unit = "g", openingStock = 5, reorderPoint = 0, usageRate = 0, unitCostMinor = 1 };

    private static object[] Lines(Guid flour) => [new { ingredientId = flour, quantity = 1 }];

    private static async Task Vote(Organisation voter, Guid operation, HttpStatusCode answered)
    {
        var digest = (await voter.Get($"/operations/{operation}/approval")).GetProperty("digest").GetString();
        using var answer = await voter.Client.PostAsJsonAsync($"/operations/{operation}/votes", new { decision = "approve", digest });
        answer.StatusCode.ShouldBe(answered, await answer.Content.ReadAsStringAsync());
    }

    private static Task<JsonElement> Ended(Organisation organisation, Guid operation) => Eventually.Is(
        () => organisation.Get($"/operations/{operation}"), x => x.GetProperty("completedAt").ValueKind != JsonValueKind.Null, TimeSpan.FromMinutes(1));

    /// <summary>The third part waits until the worker is dead.</summary>
    private async Task<(Guid Operation, string Href, DateTimeOffset KilledAt)> KillInTheThirdPart(Organisation organisation)
    {
        await using var held = await HeldRows.Of(await system.App.GetConnectionStringAsync("ordersdb"), "order_export_parts", "INSERT", "NEW.no = 2");
        var export = await organisation.Post("/orders/exports", new { from = "2000-01-01T00:00:00Z", to = "2100-01-01T00:00:00Z" });
        var operation = export.GetProperty("operationId").GetGuid();
        await Eventually.Is(() => organisation.Get($"/operations/{operation}"), x => x.GetProperty("counters").GetProperty("done").GetRawText() == "1000");
        var killedAt = DateTimeOffset.UtcNow;
        await system.Kill("orders");
        await held.Release();
        return (operation, export.GetProperty("href").GetString()!, killedAt);
    }
}
