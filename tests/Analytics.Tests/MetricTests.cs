using System.Net.Http.Json;
using OpsPlatform.Testing;
using static OpsPlatform.Analytics.Tests.Bakery;

namespace OpsPlatform.Analytics.Tests;

/// <summary>Each figure against one worked out by hand.</summary>
public sealed class MetricTests(AnalyticsFixture service)
{
    private const string Day = "2026-06-10";

    private static Task<HttpResponseMessage> Tax(Bakery bakery, string from, bool included, decimal standard, decimal reduced) => bakery.Client.PutAsJsonAsync(
        $"/analytics/settings/tax/{from}", new { pricesIncludeTax = included, standardPercent = standard, reducedPercent = reduced });

    [Fact]
    public async Task Tax_within_the_price_is_worked_out_per_class_and_day()
    {
        var bakery = await service.Bakery();
        (await Tax(bakery, "2020-01-01", true, 20, 5)).EnsureSuccessStatusCode();
        // 20 % within 299 is 49.83, within 598 is 99.67; 5 % within 105 is 5.
        await bakery.Sells($"{Day}T10:00:00Z", Line(1, 1, 299), Line(2, 1, 105, "reduced"), Line(3, 1, 50, "zero"), Line(4, 1, 40, "none"));
        await bakery.Sells($"{Day}T11:00:00Z", Line(1, 1, 299));
        var summary = await bakery.Has(Days(Day), 2);

        var sales = summary["sales"]!.AsArray().Single()!;
        ((decimal)sales["taxMinor"]!, (decimal)sales["netMinor"]!, (decimal)sales["grossMinor"]!).ShouldBe((105, 688, 793));
        sales["taxes"]!.AsArray().Select(x => ((string)x!["taxClass"]!, (decimal)x["revenueMinor"]!, (decimal)x["taxMinor"]!)).ShouldBe(
            [("none", 40, 0), ("reduced", 105, 5), ("standard", 598, 100), ("zero", 50, 0)]);
        ((decimal)(await bakery.All($"/analytics/sales?{Days(Day)}")).Single()["taxMinor"]!).ShouldBe(105);
    }

    [Fact]
    public async Task Tax_on_top_of_the_price_follows_the_rate_of_the_day_and_rounds_half_away_from_zero()
    {
        var bakery = await service.Bakery();
        await bakery.Sells("2026-06-09T10:00:00Z", Line(1, 1, 125));
        await bakery.Sells($"{Day}T10:00:00Z", Line(1, 1, 125));
        await bakery.Has(Days("2026-06-09", Day), 2);
        ((decimal)(await bakery.All($"/analytics/sales?{Days(Day)}")).Single()["taxMinor"]!).ShouldBe(0);

        (await Tax(bakery, "2026-01-01", false, 10, 0)).EnsureSuccessStatusCode();
        (await Tax(bakery, Day, false, 20, 0)).EnsureSuccessStatusCode();
        // 12.5 becomes 13; 20 % are 25.
        (await bakery.All($"/analytics/sales?{Days("2026-06-09", Day)}")).Select(x => (decimal)x["taxMinor"]!).ShouldBe([13, 25]);
        var sales = (await bakery.Get($"/analytics/summary?{Days("2026-06-09", Day)}"))["sales"]!.AsArray().Single()!;
        ((decimal)sales["netMinor"]!, (decimal)sales["grossMinor"]!).ShouldBe((250, 288));

        (await bakery.Client.DeleteAsync($"/analytics/settings/tax/{Day}")).EnsureSuccessStatusCode();
        (await bakery.All($"/analytics/sales?{Days(Day)}")).Select(x => (decimal)x["taxMinor"]!).ShouldBe([13]);
        (await bakery.Get("/analytics/settings"))["taxRates"]!.AsArray().Count.ShouldBe(1);
    }

    [Fact]
    public async Task Top_items_come_by_revenue_quantity_or_tickets()
    {
        var bakery = await service.Bakery();
        await bakery.Sells($"{Day}T10:00:00Z", Line(1, 1, 600), Line(2, 9, 10));
        await bakery.Sells($"{Day}T11:00:00Z", Line(3, 1, 155));
        await bakery.Sells($"{Day}T12:00:00Z", Line(3, 1, 155));
        await bakery.Has(Days(Day), 3);

        async Task<Guid[]> Top(string sort) =>
            [.. (await bakery.Get($"/analytics/items/top?{Days(Day)}&sort={sort}&limit=2"))["items"]!.AsArray().Select(x => (Guid)x!["menuItemId"]!)];
        (await Top("revenue")).ShouldBe([Item(1), Item(3)]);
        (await Top("quantity")).ShouldBe([Item(2), Item(3)]);
        (await Top("tickets")).ShouldBe([Item(3), Item(1)]);
        var first = (await bakery.Get($"/analytics/items/top?{Days(Day)}"))["items"]![0]!;
        ((decimal)first["revenueShare"]!).ShouldBe(0.6m);
    }

    [Fact]
    public async Task Pairs_have_support_and_lift()
    {
        var bakery = await service.Bakery();
        // Five tickets: bread and butter together in two of them; bread in three, butter in two. Tea is in three, once with bread.
        await bakery.Sells($"{Day}T10:00:00Z", Line(1, 1, 1), Line(2, 3, 1));
        await bakery.Sells($"{Day}T10:10:00Z", Line(2, 1, 1), Line(1, 1, 1));
        await bakery.Sells($"{Day}T10:20:00Z", Line(1, 1, 1), Line(3, 1, 1));
        await bakery.Sells($"{Day}T10:30:00Z", Line(3, 1, 1));
        await bakery.Sells($"{Day}T10:40:00Z", Line(3, 1, 1));
        await bakery.Has(Days(Day), 5);

        var pairs = await bakery.Get($"/analytics/items/pairs?{Days(Day)}&minTickets=1&sort=lift");
        ((long)pairs["tickets"]!).ShouldBe(5);
        // 2 x 5 / (3 x 2) and 1 x 5 / (3 x 3).
        pairs["items"]!.AsArray().Select(x => ((Guid)x!["firstItemId"]!, (Guid)x["secondItemId"]!, (long)x["tickets"]!, (decimal)x["support"]!, (decimal)x["lift"]!)).ShouldBe(
            [(Item(1), Item(2), 2, 0.4m, 1.666667m), (Item(1), Item(3), 1, 0.2m, 0.555556m)]);
        ((string?)pairs["items"]![0]!["secondName"]).ShouldBe("Item 2");
        (await bakery.Get($"/analytics/items/pairs?{Days(Day)}"))["items"]!.AsArray().Count.ShouldBe(1);
    }

    [Fact]
    public async Task An_order_of_more_than_twenty_items_makes_no_pairs()
    {
        var bakery = await service.Bakery();
        await bakery.Sells("2026-06-09T10:00:00Z", [.. Enumerable.Range(1, 21).Select(n => Line(n, 1, 1))]);
        await bakery.Sells($"{Day}T10:00:00Z", [.. Enumerable.Range(1, 20).Select(n => Line(n, 1, 1))]);
        await bakery.Has(Days("2026-06-09", Day), 2);
        (await bakery.Get($"/analytics/items/pairs?{Days("2026-06-09")}&minTickets=1"))["items"]!.AsArray().ShouldBeEmpty();
        (await bakery.Look<long>("SELECT sum(tickets)::bigint FROM pairs_by_day")).ShouldBe(190);
    }

    [Fact]
    public async Task Consumption_is_costed_at_the_unit_cost_when_it_was_consumed()
    {
        var bakery = await service.Bakery();
        // At 02:00 on the 11th it is still the business day of the 10th.
        await bakery.Consumes(bakery.Sale($"{Day}T10:00:00Z"), Of(1, 500.5m, 0.07m), Of(2, 2, 30));
        await bakery.Consumes(bakery.Sale("2026-06-11T01:00:00Z"), Of(1, 100, 0.08m));
        await bakery.Consumes(bakery.Sale("2026-06-11T10:00:00Z"), Of(1, 1, 1));
        var rows = await Eventually.Is(() => bakery.All($"/analytics/consumption?{Days(Day, "2026-06-11")}"), x => x.Count == 2 && (long)x[0]["orders"]! == 3);

        // 500.5 x 0.07 + 100 x 0.08 + 1 x 1 = 44.035.
        rows.Select(x => ((string?)x["name"], (string)x["unit"]!, (decimal)x["consumed"]!, (decimal)x["costMinor"]!, (string?)x["currency"])).ShouldBe(
            [("Ingredient 1", "g", 601.5m, 44.04m, "GBP"), ("Ingredient 2", "g", 2, 60, "GBP")]);
        var byDay = await bakery.All($"/analytics/consumption?{Days(Day, "2026-06-11")}&by=day", limit: 1);
        byDay.Select(x => ((string)x["day"]!, (decimal)x["consumed"]!)).ShouldBe([(Day, 600.5m), (Day, 2), ("2026-06-11", 1)]);
        ((decimal)(await bakery.Get($"/analytics/summary?{Days(Day)}"))["ingredientCostMinor"]!).ShouldBe(103.04m);
    }

    [Fact]
    public async Task Customers_have_first_last_and_interval_and_some_come_back()
    {
        var bakery = await service.Bakery();
        var (regular, once) = (Guid.NewGuid(), Guid.NewGuid());
        foreach (var (customer, at, minor) in ((Guid?, string, long)[])[(regular, "2026-06-07", 100), (regular, "2026-06-01", 200), (once, "2026-06-02", 900), (regular, "2026-06-02", 300), (null, "2026-06-03", 5)])
        {
            await bakery.Sells(bakery.SaleOf(customer, $"{at}T10:00:00Z", Line(1, 1, minor)));
        }

        await bakery.Has(Days("2026-06-01", "2026-06-30"), 5);
        var customers = await bakery.All("/analytics/customers", limit: 1);
        customers.Select(x => ((Guid)x["customerId"]!, (long)x["tickets"]!, (decimal)x["revenueMinor"]!, (decimal?)x["averageIntervalDays"])).ShouldBe(
            [(once, 1, 900, null), (regular, 3, 600, 3m)]);
        ((DateTimeOffset)customers[1]["firstAt"]!, (DateTimeOffset)customers[1]["lastAt"]!).ShouldBe(
            (DateTimeOffset.Parse("2026-06-01T10:00:00Z"), DateTimeOffset.Parse("2026-06-07T10:00:00Z")));
        var summary = await bakery.Get("/analytics/customers/summary");
        ((long)summary["customers"]!, (long)summary["repeating"]!, (decimal)summary["repeatRate"]!, (decimal)summary["averageIntervalDays"]!, (long)summary["tickets"]!)
            .ShouldBe((2, 1, 0.5m, 3m, 4));
    }

    [Fact]
    public async Task An_item_shows_its_latest_name()
    {
        var bakery = await service.Bakery();
        await bakery.Sells("2026-06-10T10:00:00Z", Line(1, 1, 1) with { Name = "Bun" });
        await bakery.Sells("2026-06-12T10:00:00Z", Line(1, 1, 1) with { Name = "Brioche" });
        await bakery.Sells("2026-06-11T10:00:00Z", Line(1, 1, 1) with { Name = "Roll" });
        await bakery.Has(Days("2026-06-10", "2026-06-12"), 3);
        ((string?)(await bakery.All($"/analytics/sales?{Days(Day)}&by=item")).Single()["name"]).ShouldBe("Brioche");
    }

    /// <summary>From the message's sending to the answer that shows it, each sale alone.</summary>
    [Fact]
    public async Task What_is_heard_is_seen_within_a_second()
    {
        const int sales = 60;
        var bakery = await service.Bakery();
        List<double> milliseconds = [];
        foreach (var n in Enumerable.Range(1, sales))
        {
            var sale = bakery.Sale($"{Day}T10:00:00Z", Line(1, 1, 100), Line(2, 1, 50));
            var sent = TimeProvider.System.GetTimestamp();
            await bakery.Say(sale);
            await bakery.Has(Days(Day), n);
            milliseconds.Add(TimeProvider.System.GetElapsedTime(sent).TotalMilliseconds);
        }

        milliseconds.Sort();
        TestContext.Current.TestOutputHelper!.WriteLine($"p50 {milliseconds[sales / 2]:0} ms, p99 {milliseconds[^1]:0} ms");
        milliseconds[sales / 2].ShouldBeLessThan(1000);
    }
}
