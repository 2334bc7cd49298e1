using System.Globalization;
using System.Text.RegularExpressions;

namespace OpsPlatform.Replay.Pack;

/// <summary>Reads item_map.csv; resale goods it names become ingredients counted in pieces.</summary>
internal static partial class ItemMap
{
    private static readonly string[] TaxClasses = ["standard", "reduced", "zero", "none"];

    public static Dictionary<string, Item> Read(string path, Dictionary<string, Ingredient> ingredients, IReadOnlyList<Recipe> recipes)
    {
        var table = CsvTable.Read(path);
        var (name, kind, target) = (table.Column("item"), table.Column("kind"), table.Column("target"));
        var (pieces, price, tax) = (table.Column("pieces_per_sale"), table.Column("price_pence_gbp_invented"), table.Column("tax_class_invented"));
        var recipeIds = recipes.Select(r => r.Id).ToHashSet();
        var items = new Dictionary<string, Item>();
        var codes = new HashSet<string>();

        foreach (var row in table.Rows)
        {
            // Checked but not trimmed: tills tell items apart by the very text.
            table.Text(row, name);

            var item = new Item(
                row[name],
                UniqueCode(row[name], codes),
                ReadKind(table, row, kind),
                row[target].Length == 0 ? null : row[target],
                table.Quantity(row, pieces),
                ReadPrice(table, row, price),
                TaxClasses.Contains(row[tax]) ? row[tax] : throw table.Refuse(row, tax, $"'{row[tax]}' is none of {string.Join(", ", TaxClasses)}"));

            CheckTarget(table, row, item, target, pieces, recipeIds, ingredients);

            if (!items.TryAdd(item.Name, item))
            {
                throw table.Refuse(row, name, $"'{item.Name}' is listed twice");
            }
        }

        return items;
    }

    private static void CheckTarget(
        CsvTable table, CsvRow row, Item item, int target, int pieces, HashSet<string> recipeIds, Dictionary<string, Ingredient> ingredients)
    {
        if (item.Kind is ItemKind.Service or ItemKind.Exclude)
        {
            if (item.TargetId is not null)
            {
                throw table.Refuse(row, target, "only recipe and resale items have a target");
            }

            return;
        }

        if (item.TargetId is not { } id)
        {
            throw table.Refuse(row, target, "is empty; recipe and resale items need a target");
        }

        if (item.PiecesPerSale == 0)
        {
            throw table.Refuse(row, pieces, "must be above 0");
        }

        if (item.Kind == ItemKind.Recipe)
        {
            if (!recipeIds.Contains(id))
            {
                throw table.Refuse(row, target, $"the recipe '{id}' is neither in {ReadPack.RecipesFile} nor in {ReadPack.HouseRecipesFile}");
            }
        }
        else if (ingredients.TryGetValue(id, out var known))
        {
            if (!known.IsResale)
            {
                throw table.Refuse(row, target, $"'{id}' is an ingredient of the recipes and cannot be a resale good too");
            }
        }
        else
        {
            ingredients.Add(id, new Ingredient(id, item.Name.Trim(), "resale", true, "piece", 0, null));
        }
    }

    private static ItemKind ReadKind(CsvTable table, CsvRow row, int column) => row[column] switch
    {
        "recipe" => ItemKind.Recipe,
        "resale" => ItemKind.Resale,
        "service" => ItemKind.Service,
        "exclude" => ItemKind.Exclude,
        _ => throw table.Refuse(row, column, $"'{row[column]}' is none of recipe, resale, service, exclude"),
    };

    private static long ReadPrice(CsvTable table, CsvRow row, int column) =>
        int.TryParse(row[column], NumberStyles.None, CultureInfo.InvariantCulture, out var pence)
            ? pence
            : throw table.Refuse(row, column, $"'{row[column]}' is not a whole number of pence");

    private static string UniqueCode(string name, HashSet<string> taken)
    {
        var plain = NotInCodes().Replace(name.ToLowerInvariant(), "-").Trim('-');
        plain = plain.Length == 0 ? "item" : plain;
        var code = plain;

        for (var number = 2; !taken.Add(code); number++)
        {
            code = $"{plain}-{number}";
        }

        return code;
    }

    [GeneratedRegex("[^a-z0-9]+")]
    private static partial Regex NotInCodes();
}
