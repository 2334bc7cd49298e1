using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Npgsql;

namespace OpsPlatform.Inventory.Tests;

public sealed class RecipeTests(InventoryFixture fixture)
{
    private readonly Tenant _tenant = fixture.NewTenant();

    private Task<HttpResponseMessage> Post(JsonObject body) => _tenant.Client.PostAsJsonAsync("/recipes", body);

    private Task<HttpResponseMessage> Put(Guid id, JsonObject body)
    {
        body.Remove("id");
        return _tenant.Client.PutAsJsonAsync($"/recipes/{id}", body);
    }

    private async Task<string> Leaves(Guid recipe)
    {
        await using var connection = await fixture.OpenAs("app", _tenant.Org);
        await using var command = new NpgsqlCommand(
            "SELECT string_agg(i.code || '=' || numerator || '/' || denominator, ' ' ORDER BY i.code) FROM recipe_leaves l JOIN ingredients i ON i.id = l.ingredient_id WHERE recipe_id = $1",
            connection)
        { Parameters = { new() { Value = recipe } } };
        return (string)(await command.ExecuteScalarAsync())!;
    }

    [Fact]
    public async Task A_recipe_adds_an_ingredient_named_twice_and_keeps_its_demand_as_an_exact_fraction()
    {
        var flour = await _tenant.HasIngredient("flour", 0);
        var butter = await _tenant.HasIngredient("butter", 0);
        var body = Tenant.Recipe("croissant", 12, Tenant.Of(flour, 100), Tenant.Of(butter, 0.5m), Tenant.Of(flour, 30));
        var answer = await Post(body);
        answer.StatusCode.ShouldBe(HttpStatusCode.Created);
        var stored = await answer.Body();
        stored["lines"]!.AsArray().Select(x => ((Guid)x!["ingredientId"]!, (decimal)x["quantity"]!)).ShouldBe([(flour, 130m), (butter, 0.5m)]);
        JsonNode.DeepEquals(await _tenant.Get($"/recipes/{body["id"]}"), stored).ShouldBeTrue();
        (await Leaves(Guid.Parse((string)body["id"]!))).ShouldBe("butter=1/24 flour=65/6");
    }

    [Fact]
    public async Task A_nested_recipe_is_resolved_to_its_ingredients_and_an_edit_reaches_all_that_contain_it()
    {
        var flour = await _tenant.HasIngredient("flour", 0);
        var ham = await _tenant.HasIngredient("ham", 0);
        var bread = await _tenant.HasRecipe("bread", 3, Tenant.Of(flour, 500));
        var toast = await _tenant.HasRecipe("toast", 1, Tenant.OfRecipe(bread, 0.1m));
        var sandwich = await _tenant.HasRecipe("sandwich", 7, Tenant.OfRecipe(toast, 2), Tenant.OfRecipe(bread, 1), Tenant.Of(ham, 20));
        (await Leaves(sandwich)).ShouldBe("flour=200/7 ham=20/7");
        (await Put(bread, Tenant.Recipe("bread", 4, Tenant.Of(flour, 500), Tenant.Of(ham, 1)))).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await Leaves(toast)).ShouldBe("flour=25/2 ham=1/40");
        (await Leaves(sandwich)).ShouldBe("flour=150/7 ham=29/10");
    }

    [Fact]
    public async Task A_recipe_never_contains_itself()
    {
        var flour = await _tenant.HasIngredient("flour", 0);
        var a = await _tenant.HasRecipe("a", 1, Tenant.Of(flour, 1));
        var b = await _tenant.HasRecipe("b", 1, Tenant.OfRecipe(a, 1));
        var c = await _tenant.HasRecipe("c", 1, Tenant.OfRecipe(b, 1));
        await (await Put(a, Tenant.Recipe("a", 1, Tenant.OfRecipe(c, 1)))).ShouldRefuse(422, "recipe-cycle");
        await (await Put(a, Tenant.Recipe("a", 1, Tenant.OfRecipe(a, 1)))).ShouldRefuse(422, "recipe-cycle");
        (await Leaves(c)).ShouldBe("flour=1/1");
    }

    [Fact]
    public async Task Two_edits_at_once_that_together_make_a_cycle_are_not_both_taken()
    {
        var flour = await _tenant.HasIngredient("flour", 0);
        for (var attempt = 0; attempt < 8; attempt++)
        {
            var (codeA, codeB) = ($"a{attempt}", $"b{attempt}");
            var a = await _tenant.HasRecipe(codeA, 1, Tenant.Of(flour, 1));
            var b = await _tenant.HasRecipe(codeB, 1, Tenant.Of(flour, 1));
            var answers = await Task.WhenAll(
                Put(a, Tenant.Recipe(codeA, 1, Tenant.OfRecipe(b, 1))), Put(b, Tenant.Recipe(codeB, 1, Tenant.OfRecipe(a, 1))));
            answers.Select(x => (int)x.StatusCode).Order().ShouldBe([200, 422]);
        }
    }

    [Fact]
    public async Task A_recipe_that_needs_more_than_there_can_be_is_refused_and_extreme_questions_are_answered()
    {
        var flour = await _tenant.HasIngredient("flour", 1);
        var large = await _tenant.HasRecipe("large", 0.000001m, Tenant.Of(flour, 999_999));
        await (await Post(Tenant.Recipe("larger", 0.000001m, Tenant.OfRecipe(large, 999_999_999)))).ShouldRefuse(422, "recipe-too-complex");
        using var client = fixture.Client(_tenant.Org);
        (await client.GetAsync("/recipes/availability?quantity=1000000000000")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Eight_recipes_may_nest_and_a_ninth_is_refused_at_either_end()
    {
        var flour = await _tenant.HasIngredient("flour", 0);
        var first = await _tenant.HasRecipe("r1", 1, Tenant.Of(flour, 1));
        var last = first;
        for (var depth = 2; depth <= 8; depth++)
        {
            last = await _tenant.HasRecipe($"r{depth}", 3, Tenant.OfRecipe(last, 1));
        }

        (await Leaves(last)).ShouldBe("flour=1/2187");
        await (await Post(Tenant.Recipe("r9", 1, Tenant.OfRecipe(last, 1)))).ShouldRefuse(422, "recipe-too-deep");
        var below = await _tenant.HasRecipe("r0", 1, Tenant.Of(flour, 1));
        await (await Put(first, Tenant.Recipe("r1", 1, Tenant.OfRecipe(below, 1)))).ShouldRefuse(422, "recipe-too-deep");
    }

    [Fact]
    public async Task A_recipe_names_only_what_exists_in_its_organisation()
    {
        var other = fixture.NewTenant();
        var foreign = await other.HasIngredient("flour", 1);
        var answer = await Post(Tenant.Recipe("bread", 1, Tenant.Of(foreign, 1), Tenant.OfRecipe(Guid.NewGuid(), 1)));
        await answer.ShouldRefuse(422, "unknown-reference");
        (await answer.Body())["unknown"]!.AsArray().Count.ShouldBe(2);
    }

    [Fact]
    public async Task The_same_id_answers_the_stored_recipe_and_refuses_other_content()
    {
        var flour = await _tenant.HasIngredient("flour", 0);
        var body = Tenant.Recipe("bread", 1, Tenant.Of(flour, 2.50m));
        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Post(body)));
        answers.Select(x => (int)x.StatusCode).Order().ShouldBe([200, 200, 200, 200, 200, 201]);
        body["yieldQuantity"] = 2;
        await (await Post(body)).ShouldRefuse(409, "id-taken");
        await (await Post(Tenant.Recipe("bread", 1, Tenant.Of(flour, 1)))).ShouldRefuse(409, "code-taken");
    }

    [Fact]
    public async Task A_recipe_is_deleted_unless_another_contains_it()
    {
        var flour = await _tenant.HasIngredient("flour", 0);
        var bread = await _tenant.HasRecipe("bread", 1, Tenant.Of(flour, 1));
        var toast = await _tenant.HasRecipe("toast", 1, Tenant.OfRecipe(bread, 1));
        await (await _tenant.Client.DeleteAsync($"/recipes/{bread}")).ShouldRefuse(409, "recipe-in-use");
        (await _tenant.Client.DeleteAsync($"/recipes/{toast}")).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await _tenant.Client.DeleteAsync($"/recipes/{bread}")).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await _tenant.Client.DeleteAsync($"/recipes/{bread}")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await _tenant.Client.GetAsync($"/recipes/{bread}")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_creation_repeated_after_the_recipe_was_deleted_does_not_bring_it_back()
    {
        var body = Tenant.Recipe("bread", 1, Tenant.Of(await _tenant.HasIngredient("flour", 0), 1));
        await Post(body);
        await _tenant.Client.DeleteAsync($"/recipes/{body["id"]}");

        await (await Post(body)).ShouldRefuse(409, "id-taken");

        (await _tenant.Client.GetAsync($"/recipes/{body["id"]}")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await Post(Tenant.Recipe("bread", 1, Tenant.Of(await _tenant.HasIngredient("rye", 0), 1)))).StatusCode.ShouldBe(HttpStatusCode.Created);
    }

    [Fact]
    public async Task A_recipe_that_does_not_fit_is_refused()
    {
        var flour = await _tenant.HasIngredient("flour", 0);
        await Refused(x => x["lines"] = new JsonArray());
        await Refused(x => x["lines"] = new JsonArray([.. Enumerable.Range(0, 201).Select(_ => new JsonObject { ["ingredientId"] = flour, ["quantity"] = 1 })]));
        await Refused(x => x["lines"]![0]!["recipeId"] = Guid.NewGuid());
        await Refused(x => x["lines"]![0]!["quantity"] = 0);
        await Refused(x => x["lines"]![0] = null);
        await Refused(x => x["yieldQuantity"] = 0);
        await Refused(x => x["name"] = new string('x', 201));
        await Refused(x => x["price"] = 1);

        async Task Refused(Action<JsonObject> change)
        {
            var body = Tenant.Recipe("bread", 1, Tenant.Of(flour, 1));
            change(body);
            (await Post(body)).StatusCode.ShouldBe(HttpStatusCode.BadRequest, body.ToJsonString());
        }
    }

    [Fact]
    public async Task Lists_are_paged_in_order_of_code()
    {
        var flour = await _tenant.HasIngredient("flour", 0);
        foreach (var code in (string[])["b", "c", "a"])
        {
            await _tenant.HasRecipe(code, 1, Tenant.Of(flour, 1));
        }

        foreach (var list in (string[])["/recipes", "/recipes/availability"])
        {
            var page = await _tenant.Get($"{list}?limit=2");
            page["items"]!.AsArray().Select(x => (string)x!["code"]!).ShouldBe(["a", "b"]);
            (await _tenant.Get($"{list}?limit=2&cursor={page["nextCursor"]}"))["items"]!.AsArray().Select(x => (string)x!["code"]!).ShouldBe(["c"]);
        }
    }
}
