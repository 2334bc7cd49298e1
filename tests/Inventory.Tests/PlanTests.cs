using Npgsql;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.Testing;

namespace OpsPlatform.Inventory.Tests;

/// <summary>A service of its own, so that its many rows are in nobody's way.</summary>
public sealed class FilledInventory() : ServiceFixture("inventory", typeof(InventoryDb))
{
    public const int Ingredients = 5_000;
    private const int Recipes = 1_000;
    private const int LeavesEach = 5;
    private const int Others = 9;
    private readonly SemaphoreSlim _turn = new(1);
    private bool _isFilled;

    public Guid Org { get; } = Guid.NewGuid();

    /// <summary>Nine other organisations have as many rows.</summary>
    public async Task Fill()
    {
        await _turn.WaitAsync();
        try
        {
            if (!_isFilled)
            {
                await Fill([Org, .. Enumerable.Range(0, Others).Select(_ => Guid.NewGuid())]);
                _isFilled = true;
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task Fill(Guid[] organisations)
    {
        await using var app = await OpenAs("app");
        await using var connection = new NpgsqlConnection((await Infrastructure.Get()).Database(app.Database));
        await connection.OpenAsync();
        // Without capture and rules, and as one who sees all.
        await using var fill = new NpgsqlCommand(
            $"""
            SET session_replication_role = replica;
            CREATE TEMP TABLE owners AS SELECT unnest(ARRAY['{string.Join("','", organisations)}'])::uuid AS org;
            INSERT INTO ingredients (org_id, id, code, name, category, kind, unit, stock, reorder_point, maximum_stock, usage_rate, unit_cost_minor)
            SELECT org, gen_random_uuid(), 'part-' || lpad(n::text, 6, '0'), 'part', 'dry', 'ingredient', 'g', n % 40 * 25, 100, 900, 10, 1
            FROM generate_series(1, {Ingredients}) n CROSS JOIN owners;
            INSERT INTO recipes (org_id, id, code, name, yield_quantity, yield_unit, lines)
            SELECT org, gen_random_uuid(), 'dish-' || lpad(n::text, 6, '0'), 'dish', 1, 'piece', '[]' FROM generate_series(1, {Recipes}) n CROSS JOIN owners;
            INSERT INTO recipe_leaves (org_id, recipe_id, ingredient_id, numerator, denominator)
            SELECT r.org_id, r.id, i.id, 10, 1 FROM recipes r JOIN ingredients i ON i.org_id = r.org_id AND (right(i.code, 6)::int - 1) / {LeavesEach} = right(r.code, 6)::int - 1;
            ANALYZE ingredients; ANALYZE recipes; ANALYZE recipe_leaves; RESET session_replication_role
            """, connection)
        { CommandTimeout = 120 };
        await fill.ExecuteNonQueryAsync();
    }
}

public sealed class PlanTests(FilledInventory inventory) : IClassFixture<FilledInventory>
{
    private const int Page = Paging.DefaultLimit + 1;
    private const int TablesOfAvailability = 4;
    private const int LeavesEach = 5;

    private async Task Reads(string path, string naming, int atMost)
    {
        await inventory.Fill();
        foreach (var plan in await QueryPlans.Of(inventory, inventory.Org, path, naming))
        {
            plan.SequentialScans.ShouldBeEmpty($"{path}, {plan}");
            plan.FunctionScans.ShouldBeEmpty($"{path}, {plan}");
            plan.RowsRead.ShouldBeInRange(1, atMost, $"{path}, {plan}");
        }
    }

    private static string After(string code) => $"cursor={Paging.Encode(code)}";

    [Fact]
    public async Task A_page_of_the_status_reads_no_more_than_it_shows_however_far_on_it_is()
    {
        await Reads("/inventory/status", "inventory_status", Page);
        await Reads($"/inventory/status?{After("part-004500")}", "inventory_status", Page);
    }

    /// <summary>The state is reckoned from the stock and stands in no index: one there would make every change of stock dearer.</summary>
    [Theory]
    [InlineData("LOW_STOCK")]
    [InlineData("NORMAL")]
    public async Task A_page_of_one_state_reads_ingredients_of_the_organisation_only(string state)
    {
        await Reads($"/inventory/status?state={state}", "inventory_status", FilledInventory.Ingredients);
        await Reads($"/inventory/status?state={state}&{After("part-003000")}", "inventory_status", FilledInventory.Ingredients);
    }

    [Fact]
    public async Task A_page_of_availability_reads_the_recipes_it_shows_and_what_they_are_made_of_however_far_on_it_is()
    {
        await Reads("/recipes/availability", "recipe_availability_for", Page * LeavesEach * TablesOfAvailability);
        await Reads($"/recipes/availability?quantity=3&{After("dish-000900")}", "recipe_availability_for", Page * LeavesEach * TablesOfAvailability);
    }

    [Fact]
    public async Task The_availability_of_one_recipe_reads_that_recipe_and_what_it_is_made_of()
    {
        await inventory.Fill();
        await using var connection = await inventory.OpenAs("app", inventory.Org);
        await using var read = new NpgsqlCommand("SELECT id FROM recipes WHERE code = 'dish-000500'", connection);
        await Reads($"/recipes/{await read.ExecuteScalarAsync()}/availability", "recipe_availability_for", LeavesEach * TablesOfAvailability);
    }
}
