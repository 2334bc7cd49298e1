using OpsPlatform.Replay.Pack;

namespace OpsPlatform.Replay.Tests;

/// <summary>A small valid pack in a folder of its own; a test spoils the file it is about.</summary>
internal sealed class PackFolder : IDisposable
{
    public const string SalesHeader = "line,ticket,sold_at_local,item\n";

    public PackFolder()
    {
        Directory.CreateDirectory(Root);
        Write("ingredients.csv", """
            id,name,category,allergen,stock_unit,density_g_ml,piece_g,cost_pence_per_kg_invented
            flour,Flour,flour,gluten,g,,,70
            sugar,"Sugar, white",sugar,,g,,,90

            """);
        Write("recipes.json", """
            { "recipes": [
              { "id": "bun", "name": "Bun", "yield": { "quantity": 3, "unit": "piece" },
                "ingredients": [ { "ingredient": "flour", "grams": 100 }, { "ingredient": "sugar", "grams": 10 }, { "ingredient": "flour", "grams": 25 } ] } ] }
            """);
        Write("house_recipes.json", """
            { "recipes": [
              { "id": "plate", "name": "Plate", "ingredients": [["sugar", 0.5]], "components": [["bun", 2]] },
              { "id": "feast", "name": "Feast", "ingredients": [], "components": [["plate", 1.5], ["bun", 1]] } ] }
            """);
        Write("item_map.csv", """
            item,rows_in_file,kind,target,pieces_per_sale,fit,price_pence_gbp_invented,tax_class_invented
            Bun,0,recipe,bun,1,close,100,zero
            Bun ,0,recipe,bun,0.6,close,60,zero
            Plate,0,recipe,plate,1,close,300,standard
            Feast,0,recipe,feast,1,close,900,standard
            Cola,0,resale,cola,1,n/a,150,standard
            Six colas,0,resale,cola,6,n/a,800,standard
            Course,0,service,,0,n/a,4000,standard
            Correction,0,exclude,,0,n/a,0,none

            """);
    }

    public string Root { get; } = Path.Combine(Path.GetTempPath(), $"replay-{Guid.NewGuid():N}");

    public string Write(string name, string text)
    {
        File.WriteAllText(In(name), text);
        return In(name);
    }

    public string In(string name) => Path.Combine(Root, name);

    public void Change(string name, string from, string to)
    {
        var text = File.ReadAllText(In(name));
        text.ShouldContain(from);
        File.WriteAllText(In(name), text.Replace(from, to, StringComparison.Ordinal));
    }

    public BakeryPack Read() => ReadPack.From(Root);

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
