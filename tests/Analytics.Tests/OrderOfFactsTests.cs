using OpsPlatform.Contracts;
using OpsPlatform.Testing;
using static OpsPlatform.Analytics.Tests.Bakery;

namespace OpsPlatform.Analytics.Tests;

/// <summary>Messages come twice and in any order; what they add up to does not depend on it.</summary>
public sealed class OrderOfFactsTests(AnalyticsFixture service)
{
    private const string Day = "2026-06-10";

    [Fact]
    public async Task A_cancelled_order_is_taken_out_of_every_total()
    {
        var bakery = await service.Bakery();
        var customer = Guid.NewGuid();
        var stays = await bakery.Sells(bakery.SaleOf(customer, $"{Day}T10:00:00Z", Line(1, 1, 100)));
        var goes = await bakery.Sells(bakery.SaleOf(customer, $"{Day}T12:00:00Z", Line(1, 2, 100), Line(2, 1, 50, "reduced", "cakes")));
        await bakery.Consumes(goes, Of(7, 30, 0.5m));
        await bakery.Has(Days(Day), 2);

        await bakery.Cancels(goes);
        await bakery.Restores(goes.OrderId);
        await bakery.Has(Days(Day), 1, cancelled: 1);

        ((decimal)(await bakery.All($"/analytics/sales?{Days(Day)}")).Single()["revenueMinor"]!).ShouldBe(100);
        (await bakery.All($"/analytics/sales?{Days(Day)}&by=hour")).Count.ShouldBe(1);
        ((long)(await bakery.All($"/analytics/sales?{Days(Day)}&by=item")).Single()["quantity"]!).ShouldBe(1);
        ((string?)(await bakery.All($"/analytics/sales?{Days(Day)}&by=category")).Single()["category"]).ShouldBeNull();
        (await bakery.Get($"/analytics/items/pairs?{Days(Day)}&minTickets=1"))["items"]!.AsArray().ShouldBeEmpty();
        var one = (await bakery.All("/analytics/customers")).Single();
        ((long)one["tickets"]!, (decimal)one["revenueMinor"]!, (DateTimeOffset)one["lastAt"]!).ShouldBe((1, 100, stays.OccurredAt));
        var consumption = await Eventually.Is(
            async () => (await bakery.All($"/analytics/consumption?{Days(Day)}")).Single(), x => (decimal)x["restored"]! == 30);
        ((decimal)consumption["consumed"]!, (decimal)consumption["costMinor"]!).ShouldBe((30, 0));
    }

    [Fact]
    public async Task A_cancellation_that_comes_before_its_sale_keeps_it_out()
    {
        var bakery = await service.Bakery();
        var sale = bakery.Sale($"{Day}T10:00:00Z", Line(1, 1, 100));
        await bakery.Cancels(sale);
        await bakery.Has(Days(Day), 0, cancelled: 1);
        await bakery.Say(sale);
        // The next of the same queue shows that the sale before it was heard.
        await bakery.Sells($"{Day}T11:00:00Z", Line(1, 1, 7));
        var summary = await bakery.Has(Days(Day), 1, cancelled: 1);
        ((decimal)summary["sales"]!.AsArray().Single()!["revenueMinor"]!).ShouldBe(7);
    }

    [Fact]
    public async Task A_cancellation_that_does_not_say_when_is_counted_once_its_sale_does()
    {
        var bakery = await service.Bakery();
        var sale = bakery.Sale($"{Day}T10:00:00Z", Line(1, 1, 100));
        await bakery.Say(new OrderCancelled(sale.OrderId));
        await Eventually.Is(() => bakery.Look<long>("SELECT count(*) FROM order_facts"), x => x == 1);
        await bakery.Has(Days(Day), 0);
        await bakery.Say(sale);
        await bakery.Has(Days(Day), 0, cancelled: 1);
    }

    [Fact]
    public async Task Every_fact_twice_counts_once()
    {
        var bakery = await service.Bakery();
        var sale = bakery.Sale($"{Day}T10:00:00Z", Line(1, 1, 100), Line(2, 1, 50));
        var consumed = new StockConsumed(sale.OrderId, [Of(7, 3, 2)], sale.OccurredAt);
        // The same message again, the same fact as another message, and twice within one group.
        var envelope = TestBroker.Envelope(bakery.Org, sale);
        await service.Broker.Send(envelope);
        await service.Broker.Send(envelope);
        await bakery.Say(sale, sale);
        await bakery.Say(consumed, consumed);
        await bakery.Say(consumed);
        var last = await bakery.Sells($"{Day}T11:00:00Z", Line(1, 1, 7));
        await bakery.Consumes(last, Of(7, 1, 2));

        var summary = await Eventually.Is(() => bakery.Get($"/analytics/summary?{Days(Day)}"), x => (long)x["confirmed"]! == 2 && (decimal)x["ingredientCostMinor"]! == 8);
        ((decimal)summary["sales"]!.AsArray().Single()!["revenueMinor"]!).ShouldBe(157);
        ((long)(await bakery.Get($"/analytics/items/pairs?{Days(Day)}&minTickets=1"))["items"]!.AsArray().Single()!["tickets"]!).ShouldBe(1);
    }

    [Fact]
    public async Task What_was_given_back_before_it_was_known_to_be_consumed_costs_nothing()
    {
        var bakery = await service.Bakery();
        var order = Guid.NewGuid();
        var at = DateTimeOffset.Parse($"{Day}T10:00:00Z");
        await bakery.Say(new StockRestored(order, [Of(7, 3, 2)], at));
        await Eventually.Is(async () => (await bakery.All($"/analytics/consumption?{Days(Day)}")).Count == 1);
        await bakery.Say(new StockConsumed(order, [Of(7, 3, 2)], at), new StockConsumed(Guid.NewGuid(), [Of(7, 1, 2)], at));

        var row = await Eventually.Is(async () => (await bakery.All($"/analytics/consumption?{Days(Day)}")).Single(), x => (long)x["orders"]! == 2);
        ((decimal)row["consumed"]!, (decimal)row["restored"]!, (decimal)row["costMinor"]!).ShouldBe((4, 3, 2));
    }

    [Fact]
    public async Task Refused_orders_are_counted_as_rejected_and_sell_nothing()
    {
        var bakery = await service.Bakery();
        await bakery.Rejects(bakery.Sale($"{Day}T10:00:00Z", Line(1, 1, 100)));
        var summary = await bakery.Has(Days(Day), 0, rejected: 1);
        summary["sales"]!.AsArray().ShouldBeEmpty();
    }

    [Fact]
    public async Task Two_replicas_apply_thousands_of_shuffled_facts_to_the_same_totals_exactly_once()
    {
        var bakery = await service.Bakery();
        await using var second = new Replica(service);
        await second.InitializeAsync();
        var sales = Enumerable.Range(0, 1500).Select(n => bakery.Sale($"2026-06-{10 + (n % 3)}T{n % 12 + 6:D2}:00:00Z", Line(n % 4, 1, 10), Line(4 + (n % 3), 2, 5))).ToArray();
        var cancelled = sales.Where((_, n) => n % 5 == 0).ToArray();
        var random = new Random(7);
        var work = sales.Concat(sales.Take(300)).Select(sale => (Sale: sale, IsCancel: false))
            .Concat(cancelled.Select(sale => (Sale: sale, IsCancel: true))).OrderBy(_ => random.Next()).Chunk(37);
        foreach (var chunk in work)
        {
            await Task.WhenAll(
                bakery.Say([.. chunk.Where(x => !x.IsCancel).Select(x => x.Sale)]),
                bakery.Say([.. chunk.Where(x => x.IsCancel).Select(x => new OrderCancelled(x.Sale.OrderId, x.Sale.OccurredAt))]));
        }

        var summary = await bakery.Has(Days("2026-06-10", "2026-06-12"), 1200, cancelled: 300);
        ((decimal)summary["sales"]!.AsArray().Single()!["revenueMinor"]!).ShouldBe(1200 * 20);
        (await bakery.All($"/analytics/sales?{Days("2026-06-10", "2026-06-12")}&by=item")).Sum(x => (long)x["quantity"]!).ShouldBe(1200 * 3);
        (await bakery.Get("/analytics/errors"))["items"]!.AsArray().ShouldBeEmpty();
    }

    [Fact]
    public async Task No_organisation_sees_what_another_one_sold()
    {
        var (one, other) = (await service.Bakery(), await service.Bakery());
        var sale = await one.Sells(one.SaleOf(Guid.NewGuid(), $"{Day}T10:00:00Z", Line(1, 1, 100), Line(2, 1, 100)));
        await one.Consumes(sale, Of(7, 3, 2));
        await other.Sells(sale with { TotalMinor = 5, Lines = [Line(1, 1, 5)] });
        await one.Has(Days(Day), 1);
        var summary = await other.Has(Days(Day), 1);

        ((decimal)summary["sales"]!.AsArray().Single()!["revenueMinor"]!).ShouldBe(5);
        (await other.All($"/analytics/consumption?{Days(Day)}")).ShouldBeEmpty();
        (await other.All($"/analytics/sales?{Days(Day)}&by=item")).Count.ShouldBe(1);
        (await other.Get($"/analytics/items/pairs?{Days(Day)}&minTickets=1"))["items"]!.AsArray().ShouldBeEmpty();
    }
}
