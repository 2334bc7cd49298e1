using System.Text.Json.Nodes;
using OpsPlatform.Contracts;

namespace OpsPlatform.Orders.Tests.Orders;

[Collection(nameof(OrdersCollection))]
public sealed class ReadOrdersTests(OrdersFixture fixture)
{
    private readonly Shop _shop = fixture.Shop();

    [Fact]
    public async Task Pages_follow_each_other_without_a_gap_or_a_repeat()
    {
        var item = await _shop.Item();
        List<Guid> placed = [];
        for (var n = 0; n < 7; n++)
        {
            // Two at each moment: the id decides between them.
            var order = await Shop.Created(await _shop.Place(new { occurredAt = $"2024-05-01T10:00:0{n / 2}Z", lines = Shop.Lines(item) }));
            placed.Add((Guid)order["id"]!);
        }

        List<JsonNode> seen = [];
        string? cursor = null;
        do
        {
            var page = await Shop.Body(await _shop.Till.GetAsync("/orders?limit=3" + cursor));
            page["items"]!.AsArray().Count.ShouldBeLessThanOrEqualTo(3);
            seen.AddRange(page["items"]!.AsArray()!);
            cursor = page["nextCursor"] is { } next ? $"&cursor={next}" : null;
        }
        while (cursor is not null);

        seen.Select(order => (Guid)order["id"]!).ShouldBe(placed, ignoreOrder: true);
        seen.Select(order => (DateTimeOffset)order["occurredAt"]!).ShouldBeInOrder(SortDirection.Descending);
    }

    [Theory]
    [InlineData("from=12:00")]
    [InlineData("to=01/02/2024")]
    [InlineData("from=2024-05-01T10:00:00")]
    public async Task A_time_that_would_have_to_be_guessed_is_refused(string query) =>
        await Shop.Refused(await _shop.Till.GetAsync($"/orders?{query}"), 400, "invalid");

    [Fact]
    public async Task Orders_are_listed_by_state_and_time()
    {
        var item = await _shop.Item();
        var early = await Shop.Created(await _shop.Place(new { occurredAt = "2024-05-01T10:00:00Z", lines = Shop.Lines(item) }));
        var late = await Shop.Created(await _shop.Place(new { occurredAt = "2024-05-02T10:00:00Z", lines = Shop.Lines(item) }));
        await _shop.Post((Guid)late["id"]!, "cancel");

        (await Listed("status=placed")).ShouldBe([(Guid)early["id"]!]);
        (await Listed("status=cancelled")).ShouldBe([(Guid)late["id"]!]);
        (await Listed("from=2024-05-02T10:00:00Z")).ShouldBe([(Guid)late["id"]!]);
        (await Listed("to=2024-05-02T12:00:00%2B02:00")).ShouldBe([(Guid)early["id"]!]);
        (await Listed("from=2024-05-03T00:00:00Z")).ShouldBeEmpty();
    }

    [Fact]
    public async Task The_summary_counts_states_and_adds_up_what_was_sold()
    {
        await _shop.Order(await _shop.Item(priceMinor: 1));
        var completed = await Confirmed(await _shop.Item(priceMinor: 20));
        await _shop.Post(completed, "complete");
        await Confirmed(await _shop.Item(priceMinor: 300));
        await _shop.CancellingOrder();

        var summary = await Shop.Body(await _shop.Till.GetAsync("/orders/summary"));

        var counts = new[] { "placed", "confirming", "confirmed", "rejected", "cancelling", "cancelled", "completed" };
        counts.Select(state => (int)summary[state]!).ShouldBe([1, 0, 1, 0, 1, 0, 1]);
        ((long)summary["revenueMinor"]!).ShouldBe(320);
        ((string)summary["currency"]!).ShouldBe("GBP");
    }

    [Fact]
    public async Task Revenue_in_two_currencies_is_not_added_up()
    {
        (string, long)[] sold = [("EUR", long.MaxValue), ("EUR", 1), ("GBP", 7)];
        foreach (var (currency, price) in sold)
        {
            await _shop.Place(new { confirm = true, lines = Shop.Lines(await _shop.Item("service", price, currency: currency)) });
        }

        var summary = await Shop.Body(await _shop.Till.GetAsync("/orders/summary"));

        summary["revenueMinor"].ShouldBeNull();
        summary["revenues"]!.AsArray().Select(x => ((string)x!["currency"]!, (decimal)x["amountMinor"]!))
            .ShouldBe([("EUR", long.MaxValue + 1m), ("GBP", 7m)]);
    }

    private async Task<Guid> Confirmed(Guid item)
    {
        var order = await _shop.Order(item);
        await _shop.Post(order, "confirm");
        await _shop.Say(new StockConsumed(order, []));
        await _shop.Becomes(order, "confirmed");
        return order;
    }

    private async Task<IEnumerable<Guid>> Listed(string filter)
    {
        var page = await Shop.Body(await _shop.Till.GetAsync($"/orders?{filter}"));
        return page["items"]!.AsArray().Select(order => (Guid)order!["id"]!);
    }
}
