using System.Net;
using System.Text.Json.Nodes;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;
using static OpsPlatform.Analytics.Tests.Bakery;

namespace OpsPlatform.Analytics.Tests;

public sealed class RebuildTests(AnalyticsFixture service)
{
    private const string Day = "2026-06-10";

    internal static async Task<Guid> Start(Bakery bakery)
    {
        using var answer = await bakery.Client.PostAsync("/analytics/rebuild", null);
        var text = await answer.Content.ReadAsStringAsync();
        answer.StatusCode.ShouldBe(HttpStatusCode.Accepted, text);
        var id = (Guid)JsonNode.Parse(text)!["id"]!;
        answer.Headers.Location!.ToString().ShouldBe($"/analytics/rebuilds/{id}");
        return id;
    }

    internal static Task<JsonNode> Ends(Bakery bakery, Guid id, string state = "succeeded") =>
        Eventually.Is(() => bakery.Get($"/analytics/rebuilds/{id}"), x => (string)x["state"]! == state, TimeSpan.FromSeconds(40));

    /// <summary>A bakery with sales, a cancelled and a refused order, and what they consumed; all of it heard.</summary>
    private async Task<(Bakery Bakery, OrderConfirmed[] Sales)> Trading(int sales = 12)
    {
        var bakery = await service.Bakery();
        var customers = new[] { Guid.NewGuid(), Guid.NewGuid() };
        var sold = Enumerable.Range(0, sales).Select(n => bakery.SaleOf(
            customers[n % 2], $"2026-06-{10 + (n % 3)}T{8 + n % 9:D2}:15:00Z", Line(n % 3, 1, 100, category: "a"), Line(3 + (n % 2), 2, 35, "reduced"))).ToArray();
        foreach (var sale in sold)
        {
            await bakery.Sells(sale);
            await bakery.Consumes(sale, Of(1, 12.5m, 0.07m), Of(2, 1, 3));
        }

        await bakery.Cancels(sold[0]);
        await bakery.Restores(sold[0].OrderId);
        await bakery.Rejects(bakery.Sale($"{Day}T09:00:00Z", Line(1, 1, 100)));
        await bakery.Has(Days(Day, "2026-06-12"), sales - 1, rejected: 1, cancelled: 1);
        await Eventually.Is(async () => await bakery.Look<decimal>("SELECT coalesce(sum(restored), 0) FROM consumption_by_day") == 13.5m
            && await bakery.Look<decimal>("SELECT sum(consumed) FROM consumption_by_day") == sales * 13.5m);
        return (bakery, sold);
    }

    private static async Task<string> Shown(Bakery bakery)
    {
        var days = Days(Day, "2026-06-12");
        return string.Join('\n', await Task.WhenAll(((string[])[
            $"/analytics/summary?{days}", $"/analytics/sales?{days}&by=hour", $"/analytics/sales?{days}&by=item", $"/analytics/sales?{days}&by=category",
            $"/analytics/items/pairs?{days}&minTickets=1", $"/analytics/consumption?{days}&by=day", "/analytics/customers"])
            .Select(async path => (await bakery.Get(path)).ToJsonString())));
    }

    [Fact]
    public async Task Counted_from_zero_everything_is_the_same()
    {
        var (bakery, _) = await Trading();
        bakery.Owners.PageSize = 5;
        var before = await Shown(bakery);
        var id = await Start(bakery);
        var done = await Ends(bakery, id);

        ((int)done["percent"]!, (long)done["done"]!, (long)done["total"]!, (bool)done["isEqual"]!).ShouldBe((100, 25, 25, true));
        ((string)done["step"]!).ShouldBe("done");
        done["finishedAt"].ShouldNotBeNull();
        (await Shown(bakery)).ShouldBe(before);
        var comparison = await bakery.Get($"/analytics/rebuilds/{id}/comparison");
        ((bool)comparison["isEqual"]!).ShouldBeTrue();
        var tables = comparison["tables"]!.AsArray();
        tables.Count.ShouldBe(11);
        tables.ShouldAllBe(x => (bool)x!["isEqual"]! && (long)x["incremental"]!["rows"]! > 0);
        ((decimal)tables.Single(x => (string)x!["name"]! == "sales_by_day")!["rebuilt"]!["sums"]!["revenue_minor"]!).ShouldBe(11 * 170);
        (await bakery.Get("/analytics/rebuilds/latest/comparison")).ToJsonString().ShouldBe(comparison.ToJsonString());
        // Every page was asked for with this service's own token, and the left-overs of the old generation are gone.
        bakery.Owners.Asked.Count.ShouldBe(1 + 2 + 3 + 3);
        await Eventually.Is(async () => await bakery.Look<long>("SELECT count(DISTINCT generation) FROM order_facts") == 1);
        (await bakery.Look<long>("SELECT count(DISTINCT generation) FROM sales_by_item")).ShouldBe(1);
    }

    [Fact]
    public async Task A_wrong_total_is_found_named_and_put_right()
    {
        var (bakery, sales) = await Trading();
        var right = await Shown(bakery);
        await bakery.Sql("UPDATE sales_by_day SET revenue_minor = revenue_minor + 1 WHERE day = '2026-06-11'");
        await bakery.Sql($"DELETE FROM sales_by_item WHERE day = '{Day}' AND menu_item_id = '{Item(3)}'");
        await bakery.Sql($"INSERT INTO pairs_by_day (generation, day, first_item_id, second_item_id, tickets) VALUES (1, '{Day}', '{Item(77)}', '{Item(78)}', 9)");

        var id = await Start(bakery);
        ((bool)(await Ends(bakery, id))["isEqual"]!).ShouldBeFalse();
        var comparison = await bakery.Get($"/analytics/rebuilds/{id}/comparison");
        var wrong = comparison["tables"]!.AsArray().Where(x => !(bool)x!["isEqual"]!).ToDictionary(x => (string)x!["name"]!, x => x!);
        wrong.Keys.ShouldBe(["sales_by_day", "sales_by_item", "pairs_by_day"], ignoreOrder: true);

        var day = wrong["sales_by_day"]["differences"]!.AsArray().Single()!;
        ((string)day["key"]!["day"]!, (decimal)day["incremental"]!["revenue_minor"]! - (decimal)day["rebuilt"]!["revenue_minor"]!).ShouldBe(("2026-06-11", 1));
        var item = wrong["sales_by_item"]["differences"]!.AsArray().Single()!;
        ((Guid)item["key"]!["menu_item_id"]!).ShouldBe(Item(3));
        item["incremental"].ShouldBeNull();
        var pair = wrong["pairs_by_day"]["differences"]!.AsArray().Single()!;
        pair["rebuilt"].ShouldBeNull();
        (await Shown(bakery)).ShouldBe(right);
        sales.Length.ShouldBe(12);
    }

    [Fact]
    public async Task A_sale_that_was_never_heard_is_named_and_shown_from_then_on()
    {
        var (bakery, _) = await Trading(3);
        var lost = bakery.Sale($"{Day}T10:00:00Z", Line(1, 1, 1000));
        bakery.Holds("confirmed", lost);

        var id = await Start(bakery);
        ((bool)(await Ends(bakery, id))["isEqual"]!).ShouldBeFalse();
        var orders = (await bakery.Get($"/analytics/rebuilds/{id}/comparison"))["tables"]!.AsArray().Single(x => (string)x!["name"]! == "orders")!;
        ((Guid)orders["differences"]!.AsArray().Single()!["key"]!["order_id"]!).ShouldBe(lost.OrderId);
        await bakery.Has(Days(Day, "2026-06-12"), 3, rejected: 1, cancelled: 1);
    }

    /// <summary>While pages are read sales go on: some are exported and then heard, some heard and then exported, some only heard.</summary>
    [Fact]
    public async Task What_happens_during_a_rebuild_is_counted_once_in_both()
    {
        var (bakery, sales) = await Trading(6);
        bakery.Owners.PageSize = 3;
        var begun = false;
        var exportedFirst = bakery.Sale("2026-06-12T18:00:00Z", Line(1, 1, 1000));
        bakery.Owners.Before = async (path, after) =>
        {
            switch (path, after)
            {
                case ("/orders/export", null) when !begun:
                    begun = true;
                    await bakery.Sells("2026-06-01T10:00:00Z", Line(1, 1, 7));
                    await bakery.Sells("2026-06-12T17:00:00Z", Line(1, 1, 9));
                    bakery.Holds("confirmed", exportedFirst);
                    break;
                case ("/orders/export", "3"):
                    await bakery.Cancels(sales[1]);
                    await bakery.Restores(sales[1].OrderId);
                    break;
                case ("/inventory/export/consumption", "3"):
                    await bakery.Say(exportedFirst);
                    break;
            }
        };

        var id = await Start(bakery);
        var done = await Ends(bakery, id);
        ((bool)done["isEqual"]!).ShouldBeTrue((await bakery.Get($"/analytics/rebuilds/{id}/comparison")).ToJsonString());
        await bakery.Has(Days("2026-06-01", "2026-06-12"), 5 - 1 + 3, rejected: 1, cancelled: 2);
    }

    [Fact]
    public async Task One_rebuild_at_a_time_of_an_organisation_and_others_beside_it()
    {
        var (bakery, other) = (await service.Bakery(), await service.Bakery());
        var gate = new TaskCompletionSource();
        bakery.Owners.Before = (_, _) => gate.Task;
        var starts = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => bakery.Client.PostAsync("/analytics/rebuild", null)));
        starts.Select(x => x.StatusCode).Order().ShouldBe([HttpStatusCode.Accepted, HttpStatusCode.Conflict, HttpStatusCode.Conflict, HttpStatusCode.Conflict]);
        var refusal = await Refused(starts.First(x => x.StatusCode == HttpStatusCode.Conflict), 409, "rebuild-running");
        var id = (Guid)refusal["id"]!;
        await Eventually.Is(() => bakery.Get($"/analytics/rebuilds/{id}"), x => (string)x["state"]! == "running");
        (await bakery.Client.GetAsync($"/analytics/rebuilds/{id}/comparison")).StatusCode.ShouldBe(HttpStatusCode.NotFound);

        await Ends(other, await Start(other));
        (await other.Client.GetAsync($"/analytics/rebuilds/{id}")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        gate.SetResult();
        await Ends(bakery, id);
        (await bakery.All("/analytics/rebuilds")).Count.ShouldBe(1);
        await Ends(bakery, await Start(bakery));
        (await bakery.All("/analytics/rebuilds", limit: 1)).Count.ShouldBe(2);
    }

    /// <summary>Its lease ran out, as after a kill: somebody else goes on at its page.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_rebuild_whose_instance_was_killed_goes_on_where_it_stood(bool itsLastPageFailed)
    {
        var (bakery, _) = await Trading(9);
        bakery.Owners.PageSize = 4;
        var reached = new TaskCompletionSource();
        var gate = new TaskCompletionSource();
        bakery.Owners.Before = (path, after) =>
        {
            if (path == "/orders/export" && after == "4" && reached.TrySetResult())
            {
                return gate.Task;
            }

            return Task.CompletedTask;
        };
        var id = await Start(bakery);
        await reached.Task.WaitAsync(TimeSpan.FromSeconds(20));
        await bakery.Sql($"UPDATE operation_work SET leased_until = '-infinity', fence = fence + 1 WHERE id = '{id}'");
        if (itsLastPageFailed)
        {
            gate.SetException(new InvalidOperationException());
        }
        else
        {
            gate.SetResult();
        }

        var done = await Ends(bakery, id);
        ((bool)done["isEqual"]!, (long)done["done"]!).ShouldBe((true, 19));
        // The instance that had lost it applied nothing: its page was asked for again, the first one was not. Who fails asks again himself until he hears that he lost it.
        bakery.Owners.Asked.Count(x => x == "/orders/export?limit=500").ShouldBe(1);
        bakery.Owners.Asked.Count(x => x == "/orders/export?limit=500&after=4").ShouldBeInRange(2, itsLastPageFailed ? 10 : 2);
    }

    [Fact]
    public async Task A_rebuild_is_handed_on_when_its_instance_stops()
    {
        var (bakery, _) = await Trading(3);
        var replica = new Replica(service);
        await replica.InitializeAsync();
        var held = new TaskCompletionSource();
        bakery.Owners.Before = async (path, _) =>
        {
            if (path == "/orders/export")
            {
                await held.Task;
            }
        };
        var id = await Start(bakery);
        await Eventually.Is(() => Task.FromResult(bakery.Owners.Asked.Any(x => x.StartsWith("/orders/export", StringComparison.Ordinal))));
        await replica.DisposeAsync();
        held.SetResult();
        ((bool)(await Ends(bakery, id))["isEqual"]!).ShouldBeTrue();
    }

    [Fact]
    public async Task A_rebuild_fails_visibly_when_an_owner_stays_away_and_leaves_what_is_shown_alone()
    {
        var (bakery, _) = await Trading(3);
        var before = await Shown(bakery);
        bakery.Owners.PageSize = 2;
        bakery.Owners.Before = (path, after) => path == "/orders/export" && after == "2" ? throw new InvalidOperationException() : Task.CompletedTask;
        var id = await Start(bakery);

        var failed = await Ends(bakery, id, "failed");
        ((string)failed["error"]!).ShouldBe("The orders service was away for too long.");
        failed["finishedAt"].ShouldNotBeNull();
        (await Shown(bakery)).ShouldBe(before);
        await Eventually.Is(async () => await bakery.Look<long>("SELECT count(DISTINCT generation) FROM order_facts") == 1);
        (await bakery.Client.GetAsync("/analytics/rebuilds/latest/comparison")).StatusCode.ShouldBe(HttpStatusCode.NotFound);

        bakery.Owners.Before = (_, _) => Task.CompletedTask;
        ((bool)(await Ends(bakery, await Start(bakery)))["isEqual"]!).ShouldBeTrue();
    }

    [Fact]
    public async Task A_rebuild_goes_on_when_an_owner_ends_in_the_middle_of_a_page()
    {
        var (bakery, _) = await Trading(3);
        bakery.Owners.PageSize = 2;
        var brokenOff = 0;
        bakery.Owners.BreaksOff = (path, after) => (path, after) is ("/orders/export", "2") or ("/inventory/export/consumption", null) && brokenOff++ < 2;
        ((bool)(await Ends(bakery, await Start(bakery)))["isEqual"]!).ShouldBeTrue();
        brokenOff.ShouldBeGreaterThan(2);
    }

    [Fact]
    public async Task An_owner_out_of_reach_is_told_without_its_address_or_the_fault()
    {
        var bakery = await service.Bakery();
        bakery.Owners.Before = (path, _) => path == "/orders/export" ? throw new IOException() : Task.CompletedTask;
        var failed = await Ends(bakery, await Start(bakery), "failed");
        ((string)failed["error"]!).ShouldBe("The orders service was away for too long.");
    }

    [Fact]
    public async Task An_owner_that_does_not_know_the_organisation_ends_a_rebuild_at_once()
    {
        var bakery = await service.Bakery();
        bakery.Owners.Settings = null;
        var failed = await Ends(bakery, await Start(bakery), "failed");
        ((string)failed["error"]!).ShouldContain("identity service answered 404");
    }
}
