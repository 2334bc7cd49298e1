using System.Net;
using System.Net.Http.Json;
using OpsPlatform.Contracts;

namespace OpsPlatform.Inventory.Tests;

public sealed class AvailabilityTests(InventoryFixture fixture)
{
    private readonly Tenant _tenant = fixture.NewTenant();

    [Fact]
    public async Task Availability_names_what_is_missing_for_the_quantity_asked()
    {
        var flour = await _tenant.HasIngredient("flour", 100);
        var butter = await _tenant.HasIngredient("butter", 9);
        var croissant = await _tenant.HasRecipe("croissant", 3, Tenant.Of(flour, 100), Tenant.Of(butter, 10));
        var one = await _tenant.Get($"/recipes/{croissant}/availability");
        ((bool)one["isAvailable"]!, (decimal)one["maxPossibleQuantity"]!).ShouldBe((true, 2m));
        one["missing"]!.AsArray().ShouldBeEmpty();
        var three = (await _tenant.Get("/recipes/availability?quantity=3"))["items"]!.AsArray().Single()!;
        ((bool)three["isAvailable"]!).ShouldBeFalse();
        var missing = three["missing"]!.AsArray().Single()!;
        ((Guid)missing["ingredientId"]!, (decimal)missing["required"]!, (decimal)missing["available"]!, (decimal)missing["shortage"]!).ShouldBe((butter, 10m, 9m, 1m));
        foreach (var quantity in (string[])["0", "-1", "0.0000001", "x"])
        {
            (await _tenant.Client.GetAsync($"/recipes/availability?quantity={quantity}")).StatusCode.ShouldBe(HttpStatusCode.BadRequest, quantity);
        }

        (await _tenant.Client.GetAsync($"/recipes/{Guid.NewGuid()}/availability")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Theory]
    [InlineData(0.999999, 3, 1, 2)]
    [InlineData(1, 3, 1, 3)]
    [InlineData(0.000001, 2000000, 1, 2)]
    [InlineData(0, 10000000, 1, 4)]
    [InlineData(0, 1, 1, 0)]
    public async Task The_most_possible_is_the_greatest_quantity_that_is_available(decimal stock, decimal yield, decimal quantity, int most)
    {
        var salt = await _tenant.HasIngredient("salt", stock);
        var recipe = await _tenant.HasRecipe("recipe", yield, Tenant.Of(salt, quantity));
        var answer = await _tenant.Get($"/recipes/{recipe}/availability");
        ((decimal)answer["maxPossibleQuantity"]!).ShouldBe(most);
        ((bool)answer["isAvailable"]!).ShouldBe(most >= 1);
        if (most > 0)
        {
            ((bool)(await _tenant.Get($"/recipes/{recipe}/availability?quantity={most}"))["isAvailable"]!).ShouldBeTrue();
        }

        ((bool)(await _tenant.Get($"/recipes/{recipe}/availability?quantity={most + 1}"))["isAvailable"]!).ShouldBeFalse();
    }

    [Fact]
    public async Task A_recipe_is_told_when_it_is_new_when_it_flips_and_when_it_goes_with_rising_versions()
    {
        var changed = await fixture.Broker.Listen<RecipeAvailabilityChanged>();
        var flour = await _tenant.HasIngredient("flour", 10);
        var bread = await _tenant.HasRecipe("bread", 1, Tenant.Of(flour, 5));
        (await changed.Next(_tenant.Org)).Message.ShouldBe(new RecipeAvailabilityChanged(bread, true, 1));
        await Change("decrease", 5);
        var marker = await _tenant.HasRecipe("marker", 1, Tenant.Of(await _tenant.HasIngredient("salt", 0), 1));
        (await changed.Next(_tenant.Org)).Message.ShouldBe(new RecipeAvailabilityChanged(marker, false, 1));
        await Change("decrease", 5);
        (await changed.Next(_tenant.Org)).Message.ShouldBe(new RecipeAvailabilityChanged(bread, false, 2));
        await Change("increase", 20);
        (await changed.Next(_tenant.Org)).Message.ShouldBe(new RecipeAvailabilityChanged(bread, true, 3));
        await fixture.Broker.Publish(_tenant.Org, new OrderConfirmationRequested(Guid.NewGuid(), [new("recipe", bread, 4)]));
        (await changed.Next(_tenant.Org)).Message.ShouldBe(new RecipeAvailabilityChanged(bread, false, 4));
        await Change("increase", 5);
        (await changed.Next(_tenant.Org)).Message.ShouldBe(new RecipeAvailabilityChanged(bread, true, 5));
        await _tenant.Client.DeleteAsync($"/recipes/{bread}");
        (await changed.Next(_tenant.Org)).Message.ShouldBe(new RecipeAvailabilityChanged(bread, false, 6));

        async Task Change(string changeType, decimal quantity) =>
            (await _tenant.Client.PostAsJsonAsync($"/ingredients/{flour}/stock", new { changeType, quantity })).EnsureSuccessStatusCode();
    }
}
