using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using OpsPlatform.Contracts;

namespace OpsPlatform.Inventory.Tests;

public sealed class StockTests(InventoryFixture fixture)
{
    private readonly Tenant _tenant = fixture.NewTenant();

    private Task<HttpResponseMessage> Change(Guid ingredient, object body, HttpClient? client = null) =>
        (client ?? _tenant.Client).PostAsJsonAsync($"/ingredients/{ingredient}/stock", body);

    [Fact]
    public async Task Stock_increases_decreases_and_is_set_by_adjustment()
    {
        var flour = await _tenant.HasIngredient("flour", 10);
        var reference = Guid.NewGuid();
        var user = Guid.NewGuid();
        var answer = await Change(
            flour,
            new { changeType = "increase", quantity = 2.5, reason = "delivery", referenceType = "purchase", referenceId = reference, metadata = new { lot = 7 } },
            fixture.Client(_tenant.Org, "staff", user));
        answer.StatusCode.ShouldBe(HttpStatusCode.Created);
        var entry = await answer.Body();
        ((decimal)entry["quantityBefore"]!, (decimal)entry["quantityAfter"]!, (decimal)entry["quantityChanged"]!).ShouldBe((10m, 12.5m, 2.5m));
        ((string)entry["triggeredBy"]!).ShouldBe(user.ToString());
        ((int)entry["metadata"]!["lot"]!).ShouldBe(7);
        await Change(flour, new { changeType = "decrease", quantity = 4, referenceType = "production" });
        await Change(flour, new { changeType = "adjustment", quantity = 8, reason = "counted" });
        (await _tenant.StockOf(flour)).ShouldBe(8);
        (await _tenant.Log($"&ingredientId={flour}")).Select(x => ((string)x["changeType"]!, (decimal)x["quantityChanged"]!))
            .ShouldBe([("adjustment", -0.5m), ("decrease", -4m), ("increase", 2.5m), ("increase", 10m)]);
        JsonNode.DeepEquals((await _tenant.Log($"&referenceId={reference}")).Single(), entry).ShouldBeTrue();
        (await _tenant.Log("&changeType=decrease")).Count.ShouldBe(1);
        var totals = (await _tenant.Get("/inventory/totals"))["items"]!.AsArray().Single()!;
        ((decimal)totals["opening"]!, (decimal)totals["increased"]!, (decimal)totals["decreased"]!, (decimal)totals["adjusted"]!, (decimal)totals["closing"]!)
            .ShouldBe((10m, 2.5m, 4m, -0.5m, 8m));
    }

    [Fact]
    public async Task Stock_never_falls_below_zero_and_never_exceeds_what_can_be_kept()
    {
        var flour = await _tenant.HasIngredient("flour", 10);
        var answer = await Change(flour, new { changeType = "decrease", quantity = 10.000001 });
        await answer.ShouldRefuse(409, "not-enough-stock");
        ((decimal)(await answer.Body())["available"]!).ShouldBe(10);
        var much = await _tenant.HasIngredient("much", 1_000_000_000_000);
        for (var i = 0; i < 9; i++)
        {
            (await Change(much, new { changeType = "increase", quantity = 1_000_000_000_000 })).StatusCode.ShouldBe(HttpStatusCode.Created);
        }

        await (await Change(much, new { changeType = "increase", quantity = 1 })).ShouldRefuse(409, "stock-limit");
        (await Change(Guid.NewGuid(), new { changeType = "increase", quantity = 1 })).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Theory]
    [InlineData(@"\ud800")]
    [InlineData(@"\udc00\ud83d")]
    public async Task Half_a_character_in_metadata_is_refused(string text)
    {
        var flour = await _tenant.HasIngredient("flour", 5);
        var body = "{\"changeType\":\"increase\",\"quantity\":1,\"metadata\":{\"a\":\"" + text + "\"}}";
        var response = await _tenant.Client.PostAsync($"/ingredients/{flour}/stock", new StringContent(body, System.Text.Encoding.UTF8, "application/json"));
        await response.ShouldRefuse(400, "invalid");
    }

    [Theory]
    [InlineData("""{"changeType":"consumption","quantity":1}""")]
    [InlineData("""{"changeType":"increase","quantity":0}""")]
    [InlineData("""{"changeType":"increase","quantity":-1}""")]
    [InlineData("""{"changeType":"increase","quantity":0.0000001}""")]
    [InlineData("""{"changeType":"increase","quantity":1,"referenceType":"order"}""")]
    [InlineData("""{"changeType":"increase","quantity":1,"metadata":[1]}""")]
    [InlineData("""{"changeType":"increase","quantity":1,"metadata":{"a":[1e130000]}}""")]
    [InlineData("""{"changeType":"increase"}""")]
    [InlineData("""{"changeType":"increase","quantity":"1"}""")]
    public async Task A_change_that_does_not_fit_is_refused(string body)
    {
        var flour = await _tenant.HasIngredient("flour", 10);
        (await Change(flour, JsonNode.Parse(body)!)).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await _tenant.StockOf(flour)).ShouldBe(10);
    }

    [Fact]
    public async Task A_change_sent_many_times_at_once_under_one_id_moves_stock_once()
    {
        var flour = await _tenant.HasIngredient("flour", 10);
        var id = Guid.NewGuid();
        var body = new { id, changeType = "decrease", quantity = 3, metadata = new { a = 1.0, b = "x" } };
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Change(flour, body)));
        answers.Count(x => x.StatusCode == HttpStatusCode.Created).ShouldBe(1);
        answers.Count(x => x.StatusCode == HttpStatusCode.OK).ShouldBe(7);
        (await _tenant.StockOf(flour)).ShouldBe(7);
        await (await Change(flour, new { id, changeType = "decrease", quantity = 4 })).ShouldRefuse(409, "id-taken");
        var sugar = await _tenant.HasIngredient("sugar", 10);
        await (await Change(sugar, body)).ShouldRefuse(409, "id-taken");
    }

    [Fact]
    public async Task Decreases_at_once_take_no_more_than_there_is()
    {
        var flour = await _tenant.HasIngredient("flour", 10);
        var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Change(flour, new { changeType = "decrease", quantity = 2 })));
        answers.Count(x => x.IsSuccessStatusCode).ShouldBe(5);
        (await _tenant.StockOf(flour)).ShouldBe(0);
        await _tenant.LogAddsUp();
    }

    [Fact]
    public async Task Stock_low_is_told_when_the_reorder_point_is_crossed_downwards_only()
    {
        var low = await fixture.Broker.Listen<StockLow>();
        var flour = await _tenant.HasIngredient("flour", 10, x => x["reorderPoint"] = 5);
        await Change(flour, new { changeType = "decrease", quantity = 4 });
        await Change(flour, new { changeType = "decrease", quantity = 1 });
        (await low.Next(_tenant.Org)).Message.ShouldBe(new StockLow(flour, "flour", 5, 5, "g"));
        await Change(flour, new { changeType = "decrease", quantity = 1 });
        await Change(flour, new { changeType = "increase", quantity = 10 });
        await Change(flour, new { changeType = "adjustment", quantity = 3 });
        (await low.Next(_tenant.Org)).Message.Stock.ShouldBe(3);
    }

    [Fact]
    public async Task The_status_names_each_state_with_its_percentage_and_days()
    {
        await Has("a-out", 0, 5, 100);
        await Has("b-low", 5, 5, 100);
        await Has("c-over", 101, 5, 100);
        await Has("d-normal", 50, 5, 100);
        await Has("e-no-maximum", 50, 5, null, usageRate: 0);
        var items = (await _tenant.Get("/inventory/status"))["items"]!.AsArray();
        items.Select(x => ((string)x!["status"]!, (decimal?)x["stockPercentage"], (decimal?)x["daysRemaining"])).ShouldBe(
        [
            ("OUT_OF_STOCK", 0m, 0m), ("LOW_STOCK", 5m, 2m), ("OVERSTOCK", 101m, 40.4m), ("NORMAL", 50m, 20m), ("NORMAL", null, null),
        ]);
        (await _tenant.Get("/inventory/status?state=LOW_STOCK"))["items"]!.AsArray().Select(x => (string)x!["code"]!).ShouldBe(["b-low"]);
        var page = await _tenant.Get("/inventory/status?limit=4");
        (await _tenant.Get($"/inventory/status?limit=4&cursor={page["nextCursor"]}"))["items"]!.AsArray().Count.ShouldBe(1);
        (await _tenant.Client.GetAsync("/inventory/status?state=low")).StatusCode.ShouldBe(HttpStatusCode.BadRequest);

        Task<Guid> Has(string code, decimal stock, decimal reorderPoint, decimal? maximum, decimal usageRate = 2.5m) => _tenant.HasIngredient(code, stock, x =>
        {
            x["reorderPoint"] = reorderPoint;
            x["maximumStock"] = maximum;
            x["usageRate"] = usageRate;
        });
    }

    [Fact]
    public async Task Roles_decide_who_reads_who_moves_stock_and_who_edits()
    {
        var flour = await _tenant.HasIngredient("flour", 10);
        (await _tenant.As("viewer").GetAsync("/inventory/status")).StatusCode.ShouldBe(HttpStatusCode.OK);
        await (await Change(flour, new { changeType = "increase", quantity = 1 }, _tenant.As("viewer"))).ShouldRefuse(403, "forbidden");
        (await Change(flour, new { changeType = "increase", quantity = 1 }, _tenant.As("staff"))).StatusCode.ShouldBe(HttpStatusCode.Created);
        await (await _tenant.As("staff").PostAsJsonAsync("/ingredients", Tenant.Ingredient("sugar"))).ShouldRefuse(403, "forbidden");
        await (await _tenant.As("staff").DeleteAsync($"/ingredients/{flour}")).ShouldRefuse(403, "forbidden");
        await (await fixture.Anonymous().GetAsync("/recipes")).ShouldRefuse(401, "unauthenticated");
    }
}
