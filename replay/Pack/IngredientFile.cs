namespace OpsPlatform.Replay.Pack;

internal static class IngredientFile
{
    private const int GramsPerKilogram = 1000;

    public static Dictionary<string, Ingredient> Read(string path)
    {
        var table = CsvTable.Read(path);
        var (id, name, category) = (table.Column("id"), table.Column("name"), table.Column("category"));
        var (allergen, unit, cost) = (table.Column("allergen"), table.Column("stock_unit"), table.Column("cost_pence_per_kg_invented"));
        var ingredients = new Dictionary<string, Ingredient>();

        foreach (var row in table.Rows)
        {
            if (row[unit] != "g")
            {
                throw table.Refuse(row, unit, $"'{row[unit]}' is not a unit the recipes can use; they are in grams, so it is 'g'");
            }

            var ingredient = new Ingredient(
                table.Text(row, id),
                table.Text(row, name),
                table.Text(row, category),
                IsResale: false,
                "g",
                table.Quantity(row, cost) / GramsPerKilogram,
                row[allergen].Length == 0 ? null : row[allergen]);

            if (!ingredients.TryAdd(ingredient.Id, ingredient))
            {
                throw table.Refuse(row, id, $"'{ingredient.Id}' is listed twice");
            }
        }

        return ingredients;
    }
}
