using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace OpsPlatform.Inventory.Tests;

public sealed class IngredientTests(InventoryFixture fixture)
{
    private readonly Tenant _tenant = fixture.NewTenant();

    private Task<HttpResponseMessage> Post(JsonObject body) => _tenant.Client.PostAsJsonAsync("/ingredients", body);

    [Fact]
    public async Task An_ingredient_starts_with_its_opening_stock_in_the_log()
    {
        var body = Tenant.Ingredient("flour", 12.5m);
        var answer = await Post(body);
        answer.StatusCode.ShouldBe(HttpStatusCode.Created);
        answer.Headers.Location!.ToString().ShouldBe($"/ingredients/{body["id"]}");
        var stored = await answer.Body();
        ((decimal)stored["stock"]!).ShouldBe(12.5m);
        ((long)stored["rowVersion"]!).ShouldBe(1);
        ((DateTimeOffset)stored["createdAt"]!).ShouldBe(DateTimeOffset.UtcNow, TimeSpan.FromMinutes(1));
        JsonNode.DeepEquals(await _tenant.Get($"/ingredients/{body["id"]}"), stored).ShouldBeTrue();
        var log = (await _tenant.Get($"/ingredients/{body["id"]}/log"))["items"]!.AsArray().Single()!;
        ((string)log["reason"]!).ShouldBe("opening stock");
        ((string)log["changeType"]!).ShouldBe("increase");
        ((string)log["referenceType"]!).ShouldBe("manual");
        ((decimal)log["quantityAfter"]!).ShouldBe(12.5m);
    }

    [Fact]
    public async Task The_same_id_answers_the_stored_ingredient_and_refuses_other_content_even_after_stock_moved()
    {
        var body = Tenant.Ingredient("flour", 5);
        await Post(body);
        await _tenant.Client.PostAsJsonAsync($"/ingredients/{body["id"]}/stock", new { changeType = "decrease", quantity = 2 });
        var again = await Post(body);
        again.StatusCode.ShouldBe(HttpStatusCode.OK);
        ((decimal)(await again.Body())["stock"]!).ShouldBe(3);
        body["openingStock"] = 6;
        await (await Post(body)).ShouldRefuse(409, "id-taken");
    }

    [Fact]
    public async Task A_code_belongs_to_one_ingredient_of_an_organisation()
    {
        await Post(Tenant.Ingredient("flour"));
        await (await Post(Tenant.Ingredient("flour"))).ShouldRefuse(409, "code-taken");
        var sugar = await _tenant.HasIngredient("sugar", 1);
        await (await _tenant.Client.PutAsJsonAsync($"/ingredients/{sugar}", Update("flour"))).ShouldRefuse(409, "code-taken");
        (await fixture.NewTenant().Client.PostAsJsonAsync("/ingredients", Tenant.Ingredient("flour"))).StatusCode.ShouldBe(HttpStatusCode.Created);
    }

    [Fact]
    public async Task The_same_ingredient_posted_many_times_at_once_is_stored_once()
    {
        var body = Tenant.Ingredient("flour", 7);
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Post(body)));
        answers.Count(x => x.StatusCode == HttpStatusCode.Created).ShouldBe(1);
        answers.Count(x => x.StatusCode == HttpStatusCode.OK).ShouldBe(7);
        (await _tenant.Log()).Count.ShouldBe(1);
    }

    [Theory]
    [InlineData("openingStock", "-1")]
    [InlineData("openingStock", "0.0000001")]
    [InlineData("reorderPoint", "1000000000001")]
    [InlineData("code", "\"\"")]
    [InlineData("unit", "\"a unit of 17 char\"")]
    [InlineData("kind", "\"service\"")]
    [InlineData("kind", "1")]
    [InlineData("stock", "1")]
    [InlineData("name", "null")]
    public async Task An_ingredient_that_does_not_fit_is_refused(string member, string value)
    {
        var body = Tenant.Ingredient("flour");
        body[member] = JsonNode.Parse(value);
        (await Post(body)).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await _tenant.Get("/ingredients"))["items"]!.AsArray().ShouldBeEmpty();
    }

    [Fact]
    public async Task An_update_changes_everything_but_the_stock_and_twice_the_same_changes_nothing()
    {
        var id = await _tenant.HasIngredient("flour", 5);
        var body = await (await _tenant.Client.PutAsJsonAsync($"/ingredients/{id}", Update("rye"))).Body();
        ((string)body["code"]!).ShouldBe("rye");
        ((decimal)body["stock"]!).ShouldBe(5);
        ((long)body["rowVersion"]!).ShouldBe(2);
        body = await (await _tenant.Client.PutAsJsonAsync($"/ingredients/{id}", Update("rye"))).Body();
        ((long)body["rowVersion"]!).ShouldBe(2);
        (await _tenant.Client.PutAsJsonAsync($"/ingredients/{Guid.NewGuid()}", Update("x"))).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Updates_and_consumption_at_once_lose_neither()
    {
        var id = await _tenant.HasIngredient("flour", 100);
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).SelectMany(n => new[]
        {
            _tenant.Client.PutAsJsonAsync($"/ingredients/{id}", Update($"flour{n}")),
            _tenant.Client.PostAsJsonAsync($"/ingredients/{id}/stock", new { changeType = "decrease", quantity = 3 }),
        }));
        answers.ShouldAllBe(x => x.IsSuccessStatusCode);
        var stored = await _tenant.Get($"/ingredients/{id}");
        ((decimal)stored["stock"]!).ShouldBe(70);
        ((long)stored["rowVersion"]!).ShouldBe(21);
    }

    [Fact]
    public async Task An_ingredient_is_deleted_once_unless_a_recipe_needs_it()
    {
        var flour = await _tenant.HasIngredient("flour", 5);
        var recipe = await _tenant.HasRecipe("bread", 1, Tenant.Of(flour, 1));
        await (await _tenant.Client.DeleteAsync($"/ingredients/{flour}")).ShouldRefuse(409, "ingredient-in-use");
        (await _tenant.Client.DeleteAsync($"/recipes/{recipe}")).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await _tenant.Client.DeleteAsync($"/ingredients/{flour}")).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await _tenant.Client.DeleteAsync($"/ingredients/{flour}")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await _tenant.Log()).ShouldNotBeEmpty();
        var body = Tenant.Ingredient("flour", 5);
        body["id"] = flour;
        await (await Post(body)).ShouldRefuse(409, "id-taken");
    }

    [Fact]
    public async Task The_list_is_paged_in_order_of_code_and_filtered()
    {
        foreach (var code in (string[])["c", "a", "b", "a%b"])
        {
            await _tenant.HasIngredient(code, 0, x => x["kind"] = code == "b" ? "resale" : "ingredient");
        }

        var first = await _tenant.Get("/ingredients?limit=3");
        var second = await _tenant.Get($"/ingredients?limit=3&cursor={first["nextCursor"]}");
        first["items"]!.AsArray().Concat(second["items"]!.AsArray()).Select(x => (string)x!["code"]!).ShouldBe(["a", "a%b", "b", "c"]);
        ((string?)second["nextCursor"]).ShouldBeNull();
        (await _tenant.Get("/ingredients?kind=resale"))["items"]!.AsArray().Select(x => (string)x!["code"]!).ShouldBe(["b"]);
        (await _tenant.Get("/ingredients?q=%25"))["items"]!.AsArray().Select(x => (string)x!["code"]!).ShouldBe(["a%b"]);
        (await _tenant.Get("/ingredients?q=NAME%20of%20c"))["items"]!.AsArray().Select(x => (string)x!["code"]!).ShouldBe(["c"]);
        foreach (var query in (string[])["limit=0", "limit=201", "cursor=%25", "kind=service"])
        {
            (await _tenant.Client.GetAsync($"/ingredients?{query}")).StatusCode.ShouldBe(HttpStatusCode.BadRequest, query);
        }
    }

    private static JsonObject Update(string code)
    {
        var body = Tenant.Ingredient(code);
        body.Remove("id");
        body.Remove("openingStock");
        return body;
    }
}
