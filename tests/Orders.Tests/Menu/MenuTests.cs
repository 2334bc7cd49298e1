using System.Net;
using System.Net.Http.Json;
using System.Text;
using OpsPlatform.Contracts;

namespace OpsPlatform.Orders.Tests.Menu;

[Collection(nameof(OrdersCollection))]
public sealed class MenuTests(OrdersFixture fixture)
{
    private readonly Shop _shop = fixture.Shop();

    [Fact]
    public async Task An_item_is_created_changed_listed_and_taken_off()
    {
        var item = await _shop.Item(code: "coffee", priceMinor: 260, piecesPerSale: 0.4m);

        var changed = await _shop.Till.PutAsJsonAsync($"/menu/{item}", Content("coffee-large", price: 310));

        changed.StatusCode.ShouldBe(HttpStatusCode.OK);
        var body = await Shop.Body(await _shop.Till.GetAsync($"/menu/{item}"));
        ((string)body["code"]!, (long)body["priceMinor"]!, (long)body["rowVersion"]!).ShouldBe(("coffee-large", 310, 2));
        (await Shop.Body(changed)).ToJsonString().ShouldBe(body.ToJsonString());
        (await Codes()).ShouldBe(["coffee-large"]);
        (await _shop.Till.DeleteAsync($"/menu/{item}")).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await Shop.Refused(await _shop.Till.GetAsync($"/menu/{item}"), 404, "not-found");
        await Shop.Refused(await _shop.Till.DeleteAsync($"/menu/{item}"), 404, "not-found");
        await Shop.Refused(await _shop.Till.PutAsJsonAsync($"/menu/{item}", Content("again")), 404, "not-found");
    }

    [Fact]
    public async Task The_menu_is_paged_by_code()
    {
        foreach (var code in (string[])["c", "a", "e", "b", "d"])
        {
            await _shop.Item(code: code);
        }

        var first = await Shop.Body(await _shop.Till.GetAsync("/menu?limit=3"));
        var second = await Shop.Body(await _shop.Till.GetAsync($"/menu?limit=3&cursor={first["nextCursor"]}"));

        first["items"]!.AsArray().Select(x => (string)x!["code"]!).ShouldBe(["a", "b", "c"]);
        second["items"]!.AsArray().Select(x => (string)x!["code"]!).ShouldBe(["d", "e"]);
        second["nextCursor"].ShouldBeNull();
    }

    [Fact]
    public async Task A_code_is_used_once()
    {
        await _shop.Item(code: "tea");
        var other = await _shop.Item(code: "milk");

        await Shop.Refused(await _shop.Till.PostAsJsonAsync("/menu", Content("tea")), 409, "code-taken");
        await Shop.Refused(await _shop.Till.PutAsJsonAsync($"/menu/{other}", Content("tea")), 409, "code-taken");

        (await _shop.Count("menu_items")).ShouldBe(2);
    }

    [Fact]
    public async Task A_chosen_id_is_replayed_with_the_same_content_and_refused_with_other()
    {
        var id = Guid.NewGuid();
        await Shop.Created(await _shop.Till.PostAsJsonAsync("/menu", Content("tea", id: id)));

        (await _shop.Till.PostAsJsonAsync("/menu", Content("tea", id: id))).StatusCode.ShouldBe(HttpStatusCode.OK);
        await Shop.Refused(await _shop.Till.PostAsJsonAsync("/menu", Content("tea", id: id, price: 9)), 409, "id-taken");
    }

    [Fact]
    public async Task A_creation_repeated_after_the_item_was_taken_off_does_not_bring_it_back()
    {
        var request = Content("tea", id: Guid.NewGuid());
        var item = (Guid)(await Shop.Created(await _shop.Till.PostAsJsonAsync("/menu", request)))["id"]!;
        await _shop.Till.DeleteAsync($"/menu/{item}");

        await Shop.Refused(await _shop.Till.PostAsJsonAsync("/menu", request), 409, "id-taken");

        (await Codes()).ShouldBeEmpty();
        await Shop.Created(await _shop.Till.PostAsJsonAsync("/menu", Content("tea")));
        await Shop.Refused(await _shop.Till.PostAsJsonAsync("/menu", request), 409, "id-taken");
    }

    [Fact]
    public async Task The_same_item_at_once_is_made_once()
    {
        var request = Content("tea", id: Guid.NewGuid());

        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => _shop.Till.PostAsJsonAsync("/menu", request)));

        answers.Count(answer => answer.StatusCode == HttpStatusCode.Created).ShouldBe(1);
        answers.Count(answer => answer.StatusCode == HttpStatusCode.OK).ShouldBe(5);
    }

    [Fact]
    public async Task An_order_keeps_what_was_sold_when_its_item_changes_or_goes()
    {
        var item = await _shop.Item(code: "tea", priceMinor: 100);
        var order = await _shop.Order(item);

        await _shop.Till.PutAsJsonAsync($"/menu/{item}", Content("tea", price: 900));
        await _shop.Till.DeleteAsync($"/menu/{item}");

        var line = (await _shop.Get(order))["lines"]!.AsArray().ShouldHaveSingleItem()!;
        ((Guid)line["menuItemId"]!, (string)line["name"]!, (long)line["unitPriceMinor"]!).ShouldBe((item, "A recipe", 100));
    }

    [Theory]
    [InlineData("""{"kind":"gift"}""")]
    [InlineData("""{"kind":0}""")]
    [InlineData("""{"kind":null}""")]
    [InlineData("""{"kind":"service"}""")]
    [InlineData("""{"targetId":null}""")]
    [InlineData("""{"taxClass":"low"}""")]
    [InlineData("""{"priceMinor":-1}""")]
    [InlineData("""{"priceMinor":1.5}""")]
    [InlineData("""{"priceMinor":9223372036854775808}""")]
    [InlineData("""{"piecesPerSale":0}""")]
    [InlineData("""{"piecesPerSale":-1}""")]
    [InlineData("""{"piecesPerSale":1e30}""")]
    [InlineData("""{"piecesPerSale":0.0000001}""")]
    [InlineData("""{"currency":"pounds"}""")]
    [InlineData("""{"currency":null}""")]
    [InlineData("""{"code":""}""")]
    [InlineData("""{"code":"a\u0000"}""")]
    [InlineData("""{"name":"   "}""")]
    [InlineData("""{"isAvailable":false}""")]
    [InlineData("""{"orgId":"6f9619ff-8b86-d011-b42d-00c04fc964ff"}""")]
    public async Task An_item_that_does_not_fit_is_refused_and_nothing_stored(string wrong)
    {
        var body = System.Text.Json.JsonSerializer.SerializeToNode(Content("tea"))!.AsObject();
        foreach (var (member, value) in System.Text.Json.Nodes.JsonNode.Parse(wrong)!.AsObject())
        {
            body[member] = value?.DeepClone();
        }

        var answer = await _shop.Till.PostAsync("/menu", new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"));

        ((int)answer.StatusCode).ShouldBe(400, await answer.Content.ReadAsStringAsync());
        (await _shop.Count("menu_items")).ShouldBe(0);
    }

    [Fact]
    public async Task Only_an_admin_changes_the_menu()
    {
        var item = await _shop.Item();
        var staff = _shop.As("staff");

        await Shop.Refused(await staff.PostAsJsonAsync("/menu", Content("x")), 403, "forbidden");
        await Shop.Refused(await staff.PutAsJsonAsync($"/menu/{item}", Content("x")), 403, "forbidden");
        await Shop.Refused(await staff.DeleteAsync($"/menu/{item}"), 403, "forbidden");
        (await _shop.As("viewer").GetAsync("/menu")).StatusCode.ShouldBe(HttpStatusCode.OK);
        await Shop.Refused(await fixture.Anonymous().GetAsync("/menu"), 401, "unauthenticated");
    }

    [Fact]
    public async Task The_newest_availability_of_a_recipe_wins_however_late_the_others_come()
    {
        Guid bread = Guid.NewGuid(), marker = Guid.NewGuid();
        Guid loaf = await _shop.Item(targetId: bread), slice = await _shop.Item(targetId: bread), can = await _shop.Item("resale", targetId: bread);
        var last = await _shop.Item(targetId: marker);

        await _shop.Say(new RecipeAvailabilityChanged(bread, true, 2), new RecipeAvailabilityChanged(bread, false, 3), new RecipeAvailabilityChanged(bread, true, 1));
        await _shop.Say(new RecipeAvailabilityChanged(bread, true, 2), new RecipeAvailabilityChanged(Guid.NewGuid(), false, 9));
        await _shop.Say(new RecipeAvailabilityChanged(marker, false, 1));
        await Testing.Eventually.Is(async () => !await IsAvailable(last));

        (await IsAvailable(loaf), await IsAvailable(slice), await IsAvailable(can)).ShouldBe((false, false, true));
        await _shop.Say(new RecipeAvailabilityChanged(bread, true, 4));
        await Testing.Eventually.Is(() => IsAvailable(loaf));
    }

    [Fact]
    public async Task An_item_made_or_turned_to_a_recipe_after_it_ran_out_is_not_available()
    {
        Guid bread = Guid.NewGuid(), cake = Guid.NewGuid(), marker = Guid.NewGuid();
        var last = await _shop.Item(targetId: marker);
        var turned = await _shop.Item(targetId: cake);
        await _shop.Say(new RecipeAvailabilityChanged(bread, false, 2), new RecipeAvailabilityChanged(marker, false, 1));
        await Testing.Eventually.Is(async () => !await IsAvailable(last));

        var made = await _shop.Item(targetId: bread);
        await TurnTo(turned, "recipe", bread);

        (await IsAvailable(made), await IsAvailable(turned)).ShouldBe((false, false));
        (await IsAvailable(await _shop.Item("resale", targetId: bread))).ShouldBeTrue();
        await TurnTo(turned, "recipe", cake);
        (await IsAvailable(turned)).ShouldBeTrue();
        await TurnTo(turned, "recipe", bread);
        await TurnTo(turned, "resale", bread);
        (await IsAvailable(turned)).ShouldBeTrue();
        await _shop.Say(new RecipeAvailabilityChanged(bread, true, 1), new RecipeAvailabilityChanged(marker, true, 2));
        await Testing.Eventually.Is(() => IsAvailable(last));
        (await IsAvailable(made)).ShouldBeFalse();
        await _shop.Say(new RecipeAvailabilityChanged(bread, true, 3));
        await Testing.Eventually.Is(() => IsAvailable(made));
    }

    [Fact]
    public async Task An_item_made_while_its_recipe_runs_out_ends_up_not_available()
    {
        for (var round = 0; round < 20; round++)
        {
            var bread = Guid.NewGuid();
            var ranOut = _shop.Say(new RecipeAvailabilityChanged(bread, false, 1));
            var items = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => _shop.Item(targetId: bread)));
            await ranOut;

            foreach (var item in items)
            {
                await Testing.Eventually.Is(async () => !await IsAvailable(item));
            }
        }
    }

    private async Task TurnTo(Guid item, string kind, Guid targetId) =>
        (await _shop.Till.PutAsJsonAsync($"/menu/{item}", new { code = $"{item}", name = "Tea", kind, targetId, priceMinor = 1, currency = "GBP", taxClass = "zero" }))
            .StatusCode.ShouldBe(HttpStatusCode.OK);

    private static object Content(string code, long price = 250, Guid? id = null) =>
        id is null ? new { code, name = "Tea", kind = "recipe", targetId = Target, piecesPerSale = 1, priceMinor = price, currency = "GBP", taxClass = "zero" }
        : new { id, code, name = "Tea", kind = "recipe", targetId = Target, piecesPerSale = 1, priceMinor = price, currency = "GBP", taxClass = "zero" };

    private static readonly Guid Target = Guid.NewGuid();

    private async Task<IEnumerable<string>> Codes() =>
        (await Shop.Body(await _shop.Till.GetAsync("/menu")))["items"]!.AsArray().Select(x => (string)x!["code"]!);

    private async Task<bool> IsAvailable(Guid item) => (bool)(await Shop.Body(await _shop.Till.GetAsync($"/menu/{item}")))["isAvailable"]!;
}
