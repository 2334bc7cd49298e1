using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace OpsPlatform.System.Tests;

/// <summary>One service is set back to a backup taken in the middle of the sales; afterwards the whole system agrees to the gram.</summary>
public sealed partial class RestoreDrillTests(DrillSystem system, ITestOutputHelper output) : IClassFixture<DrillSystem>
{
    private const int Rounds = 3;

    [Fact]
    public async Task Inventory_set_back_decides_again_what_it_forgot()
    {
        using var organisation = await Organisation.Register(system.Gateway, "Inventory drill");
        var (pack, backup) = await PlayWithBackupMidway(organisation, "inventory");
        // The cancellation of an order from before the backup is among what Inventory forgets.
        await Cancel(organisation, (await OldestOrders(organisation, 3)).ToArray());

        await Restore("inventory", backup);

        await Reconciles(organisation, pack);
        (await organisation.Get("/orders/summary")).GetProperty("cancelled").GetInt64().ShouldBe(3);
    }

    [Fact]
    public async Task Orders_that_stand_and_were_refused_after_the_restore_are_named_and_decided_anew_once_the_delivery_is_entered()
    {
        using var organisation = await Organisation.Register(system.Gateway, "Delivery drill");
        var butter = (await organisation.Post("/ingredients", Shop.Ingredient("butter", 100))).GetProperty("id").GetGuid();
        var cake = await Shop.MenuItem(organisation, "cake", (butter, 150m));
        var backup = await system.Backup("inventory");
        var delivery = new { changeType = "increase", quantity = 100, referenceType = "purchase" };
        await organisation.Post($"/ingredients/{butter}/stock", delivery);
        await Confirm(organisation, cake);

        var restored = await Restore("inventory", backup);
        restored.Output.ShouldContain("Inventory refused 1");
        (await Stock(organisation, butter)).ShouldBe(100);

        await organisation.Post($"/ingredients/{butter}/stock", delivery);
        var repaired = (await system.Run("restore", "inventory", "--repair", "--from", backup)).Succeeds();
        repaired.Output.ShouldContain("every order that stands has its stock consumed");
        (await Stock(organisation, butter)).ShouldBe(50);
    }

    [Fact]
    public async Task Sync_set_back_gets_every_change_again_and_tells_each_reader_to_begin_anew()
    {
        using var organisation = await Organisation.Register(system.Gateway, "Sync drill");
        var (pack, backup) = await PlayWithBackupMidway(organisation, "sync");
        using var late = await Organisation.Register(system.Gateway, "Founded after the backup");
        var lateHead = await Eventually.Is(async () => (await late.Get("/sync/stats")).GetProperty("head").GetInt64(), head => head >= 2);
        var head = (await organisation.Get("/sync/stats")).GetProperty("head").GetInt64();

        await Restore("sync", backup);

        await Reconciles(organisation, pack);
        foreach (var (reader, position) in (IEnumerable<(Organisation, long)>)[(organisation, 1), (organisation, head / 2), (organisation, head), (late, 1), (late, lateHead)])
        {
            (await reader.Client.GetAsync($"/sync/feed?after={position}")).StatusCode.ShouldBe(HttpStatusCode.Gone, $"after={position}");
            (await FirstEvent(reader, position)).ShouldBe("reset", $"after={position}");
        }
    }

    [Fact]
    public async Task Orders_set_back_names_the_lost_orders_and_takes_them_again_without_consuming_twice()
    {
        using var organisation = await Organisation.Register(system.Gateway, "Orders drill");
        var (pack, backup) = await PlayWithBackupMidway(organisation, "orders");
        var before = (await organisation.Get("/orders/summary")).GetProperty("confirmed").GetInt64();
        var highest = await HighestNumber(organisation);
        // An order from before the backup was cancelled after it.
        await Cancel(organisation, (await OldestOrders(organisation, 1)).ToArray());

        var restored = await Restore("orders", backup);
        var lost = int.Parse(Lost().Match(restored.Output).Groups[1].Value);
        lost.ShouldBeGreaterThan(0);
        await Eventually.Is(async () => (await organisation.Get("/orders/summary")).GetProperty("cancelled").GetInt64(), cancelled => cancelled == 1, TimeSpan.FromMinutes(1));
        var kept = (await organisation.Get("/orders/summary")).GetProperty("confirmed").GetInt64();

        // The tills send again what they have; the replay's ids are the same each time.
        await Reconciles(organisation, pack);
        (await organisation.Get("/orders/summary")).GetProperty("confirmed").GetInt64().ShouldBe(before - 1);
        kept.ShouldBeLessThan(before - 1);
        (await HighestNumber(organisation)).ShouldBeGreaterThan(highest);
    }

    [Fact]
    public async Task The_stock_of_lost_orders_that_do_not_come_again_is_given_back()
    {
        using var organisation = await Organisation.Register(system.Gateway, "Release drill");
        var milk = (await organisation.Post("/ingredients", Shop.Ingredient("milk", 1000))).GetProperty("id").GetGuid();
        var latte = await Shop.MenuItem(organisation, "latte", (milk, 100m));
        await Confirm(organisation, latte);
        var backup = await system.Backup("orders");
        await Confirm(organisation, latte);
        await Confirm(organisation, latte);
        await Restore("orders", backup);
        (await Stock(organisation, milk)).ShouldBe(700);

        (await system.Run("restore", "orders", "--release", "--from", backup)).Succeeds();

        await Eventually.Is(async () => await Stock(organisation, milk), stock => stock == 900);
        (await organisation.Get("/orders/summary")).GetProperty("confirmed").GetInt64().ShouldBe(1);
    }

    [Fact]
    public async Task What_cannot_be_restored_is_refused_and_the_service_goes_on_as_it_was()
    {
        var backup = await system.Backup("analytics", "registry");
        var manifest = await File.ReadAllTextAsync(Path.Combine(backup, "registry.json"));
        var dump = await File.ReadAllBytesAsync(Path.Combine(backup, "registry.dump"));

        Task<Script> Try(string service) => system.Run("restore", service, "--from", backup);

        (await DrillSystem.RunWhileNothingIsUp("restore", "registry", "--from", backup)).IsRefused("Nothing is up");
        (await DrillSystem.RunWhileNothingIsUp("backup", "registry", "--to", backup + "x")).IsRefused("Nothing is up");
        (await Try("nonsense")).IsRefused("There is no service 'nonsense'");
        (await Try("orders")).IsRefused("orders.json is missing");
        (await system.Run("backup", "registry", "--to", backup)).IsRefused("holds a backup of registry already");
        (await system.Run("backup", ("OPS_FREE_BYTES", "1000"), "registry", "--to", backup + "y")).IsRefused("choose another folder");
        (await system.Run("restore", ("OPS_FREE_BYTES", "1000"), "registry", "--from", backup)).IsRefused("make room");

        await File.WriteAllTextAsync(Path.Combine(backup, "registry.json"), await File.ReadAllTextAsync(Path.Combine(backup, "analytics.json")));
        (await Try("registry")).IsRefused("describes a backup of analytics");
        await File.WriteAllTextAsync(Path.Combine(backup, "registry.json"), WithMigration(manifest, "OpsPlatform.Registry.Migrations.9999_future.sql"));
        (await Try("registry")).IsRefused("newer schema");
        await File.WriteAllTextAsync(Path.Combine(backup, "registry.json"), manifest[..40]);
        (await Try("registry")).IsRefused("cannot be read");
        await File.WriteAllTextAsync(Path.Combine(backup, "registry.json"), manifest);

        await File.WriteAllBytesAsync(Path.Combine(backup, "registry.dump"), dump[..^1]);
        (await Try("registry")).IsRefused("was cut or changed");
        dump[^1] ^= 1;
        await File.WriteAllBytesAsync(Path.Combine(backup, "registry.dump"), dump);
        (await Try("registry")).IsRefused("is not what was backed up");
        dump[^1] ^= 1;
        await File.WriteAllBytesAsync(Path.Combine(backup, "registry.dump"), dump);

        // Told to end while the service is stopped: it is started again, on the database it had.
        var interrupted = await system.Run("restore", "registry", "--from", backup, "--stop", "kill -TERM $PPID", "--start", $"touch {backup}/started");
        interrupted.IsRefused("SIGTERM came before the databases were exchanged");
        File.Exists(Path.Combine(backup, "started")).ShouldBeTrue();

        (await Try("registry")).Succeeds();
        (await Try("registry")).IsRefused("registry_before_restore is still kept");
        (await system.Run("restore", "registry", "--discard-old")).Succeeds();
        (await system.Run("restore", "registry", "--discard-old")).IsRefused("There is no registry_before_restore");
    }

    private async Task<(string Pack, string Backup)> PlayWithBackupMidway(Organisation organisation, params string[] services)
    {
        var pack = Replays.LongPack(Rounds);
        var replay = Replays.Run(system.Gateway, output, organisation, "--data", pack, "--parallel", "2");
        async Task<long> Confirmed() => (await organisation.Get("/orders/summary")).GetProperty("confirmed").GetInt64();
        var before = await Eventually.Is(Confirmed, confirmed => confirmed >= 30, TimeSpan.FromMinutes(1));
        var backup = await system.Backup(services);
        (await Confirmed()).ShouldBeGreaterThan(before, "the backup must be taken while orders come in");
        (await replay).ExitCode.ShouldBe(0);
        return (pack, backup);
    }

    private async Task<Script> Restore(string service, string backup)
    {
        var restored = (await system.Run("restore", service, "--from", backup)).Succeeds();
        output.WriteLine(restored.Output);
        (await system.Run("restore", service, "--discard-old")).Succeeds();
        return restored;
    }

    private async Task Reconciles(Organisation organisation, string pack)
    {
        var again = await Replays.Run(system.Gateway, output, organisation, "--data", pack);
        Directory.Delete(pack, recursive: true);
        again.ExitCode.ShouldBe(0);
    }

    private static async Task Confirm(Organisation organisation, Guid item)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/orders")
        {
            Content = JsonContent.Create(new { confirm = true, lines = new[] { new { menuItemId = item, quantity = 1 } } }),
        };
        request.Headers.Add("Prefer", "wait=20");
        (await organisation.Client.SendAsync(request)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    private static async Task Cancel(Organisation organisation, params Guid[] orders)
    {
        foreach (var order in orders)
        {
            (await organisation.Client.PostAsync($"/orders/{order}/cancel", null)).EnsureSuccessStatusCode();
        }

        await Eventually.Is(async () => (await organisation.Get("/orders/summary")).GetProperty("cancelled").GetInt64(), cancelled => cancelled == orders.Length);
    }

    /// <summary>By their numbers: placed first, long before the backup.</summary>
    private static async Task<IEnumerable<Guid>> OldestOrders(Organisation organisation, int count) =>
        (await AllOrders(organisation)).OrderBy(order => order.GetProperty("number").GetInt64()).Take(count).Select(order => order.GetProperty("id").GetGuid());

    private static async Task<long> HighestNumber(Organisation organisation) =>
        (await AllOrders(organisation)).Max(order => order.GetProperty("number").GetInt64());

    private static async Task<List<JsonElement>> AllOrders(Organisation organisation)
    {
        List<JsonElement> orders = [];
        for (var cursor = ""; cursor is not null;)
        {
            var page = await organisation.Get($"/orders?limit=200{(cursor.Length > 0 ? $"&cursor={cursor}" : "")}");
            orders.AddRange(page.GetProperty("items").EnumerateArray());
            cursor = page.GetProperty("nextCursor").GetString();
        }

        return orders;
    }

    private static async Task<decimal> Stock(Organisation organisation, Guid ingredient) =>
        (await organisation.Get($"/ingredients/{ingredient}")).GetProperty("stock").GetDecimal();

    private static async Task<string> FirstEvent(Organisation organisation, long lastEventId)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/sync/feed?stream=1");
        request.Headers.Add("Last-Event-ID", lastEventId.ToString());
        using var response = await organisation.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, timeout.Token);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(timeout.Token));
        while (await reader.ReadLineAsync(timeout.Token) is { } line)
        {
            if (line.StartsWith("event: ", StringComparison.Ordinal))
            {
                return line[7..];
            }
        }

        return "none";
    }

    private static string WithMigration(string manifest, string name)
    {
        var changed = JsonNode.Parse(manifest)!;
        changed["schema"]!.AsArray().Add(new JsonObject { ["name"] = name, ["sha256"] = "" });
        return changed.ToJsonString();
    }

    [GeneratedRegex(@"Inventory holds stock for (\d+) orders that are gone")]
    private static partial Regex Lost();
}
