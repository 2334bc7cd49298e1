using OpsPlatform.Replay.Pack;

namespace OpsPlatform.Replay.Tests;

public sealed class PackTests : IDisposable
{
    private readonly PackFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Components_stand_before_what_contains_them()
    {
        folder.Write("house_recipes.json", """
            { "recipes": [
              { "id": "feast", "name": "Feast", "ingredients": [], "components": [["plate", 1]] },
              { "id": "plate", "name": "Plate", "ingredients": [], "components": [["bun", 2]] } ] }
            """);

        folder.Read().Recipes.Select(r => r.Id).ShouldBe(["bun", "plate", "feast"]);
    }

    [Fact]
    public void Items_that_differ_in_a_space_are_two_items_with_two_codes()
    {
        var items = folder.Read().Items;

        items["Bun"].PiecesPerSale.ShouldBe(1);
        items["Bun "].PiecesPerSale.ShouldBe(0.6m);
        items["Bun "].Code.ShouldBe("bun-2");
    }

    [Fact]
    public void An_ingredient_only_a_house_recipe_names_is_taken_from_there()
    {
        folder.Change("house_recipes.json", "\"sugar\"", "\"sprinkles\"");

        folder.Read().HouseIngredients.ShouldBe(["sprinkles"]);
    }

    [Theory]
    [InlineData("ingredients.csv", "sugar,\"Sugar, white\"", "flour,\"Sugar, white\"", 3, 1, "listed twice")]
    [InlineData("ingredients.csv", ",g,,,90", ",piece,,,90", 3, 5, "'g'")]
    [InlineData("ingredients.csv", ",g,,,90", ",g,,,cheap", 3, 8, "not a number")]
    [InlineData("ingredients.csv", ",g,,,90", ",g,,90", 3, 8, "has 7 fields, the header has 8")]
    [InlineData("ingredients.csv", "\"Sugar, white\"", "\"Sugar, white", 3, 2, "never closed")]
    [InlineData("ingredients.csv", "stock_unit", "unit", 1, 0, "no column 'stock_unit'")]
    [InlineData("recipes.json", "\"sugar\"", "\"suger\"", 3, 79, "'suger' is not in ingredients.csv")]
    [InlineData("recipes.json", "\"grams\": 10 ", "\"grams\": 1.0000001 ", 3, 97, "at most six decimals")]
    [InlineData("recipes.json", "] } ] }", "] ] }", 3, 144, "is not JSON")]
    [InlineData("house_recipes.json", "[[\"bun\", 2]]", "[[\"feast\", 2]]", 3, 71, "plate > feast > plate")]
    [InlineData("house_recipes.json", "[[\"bun\", 2]]", "[[\"ban\", 2]]", 2, 85, "'ban' does not exist")]
    [InlineData("item_map.csv", "recipe,plate", "recipe,dish", 4, 4, "'dish' is neither in")]
    [InlineData("item_map.csv", "resale,cola,6", "resale,flour,6", 7, 4, "cannot be a resale good")]
    [InlineData("item_map.csv", "Plate,0,recipe,plate,1", "Plate,0,recipe,plate,0", 4, 5, "above 0")]
    [InlineData("item_map.csv", "Six colas", "Cola", 7, 1, "listed twice")]
    [InlineData("item_map.csv", ",800,", ",8.00,", 7, 7, "whole number of pence")]
    public void A_bad_pack_file_is_refused_at_its_place(string file, string from, string to, int line, int column, string reason)
    {
        folder.Change(file, from, to);

        var refused = Should.Throw<FileRefusedException>(folder.Read);

        (Path.GetFileName(refused.File), refused.Line, refused.Column).ShouldBe((file, line, column));
        refused.Message.ShouldContain(reason);
    }

    [Theory]
    [InlineData("ingredients.csv")]
    [InlineData("recipes.json")]
    [InlineData("house_recipes.json")]
    [InlineData("item_map.csv")]
    public async Task A_missing_pack_file_is_named_and_exits_2(string file)
    {
        File.Delete(folder.In(file));
        using var output = new StringWriter();

        (await ReplayCommand.Run(["--data", folder.Root], output, CancellationToken.None)).ShouldBe(ExitCode.InputRefused);
        output.ToString().ShouldContain($"{file}: there is no such file");
    }

    [Fact]
    public void The_demo_pack_is_valid()
    {
        var demo = Path.Combine(AppContext.BaseDirectory, "pack");
        var pack = ReadPack.From(demo);
        using var output = new StringWriter();

        Sales.ChooseSales.From(demo, null, pack, output).Count.ShouldBe(120);
        pack.Items.Values.Select(item => item.Kind).Distinct().Count().ShouldBe(4);
    }
}
