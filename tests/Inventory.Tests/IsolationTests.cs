using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.Inventory.Tests;

public sealed class IsolationTests(InventoryFixture fixture)
{
    private readonly Tenant _owner = fixture.NewTenant();
    private readonly Tenant _other = fixture.NewTenant();

    [Fact]
    public async Task Another_organisation_sees_and_changes_nothing_over_http()
    {
        var flour = await _owner.HasIngredient("flour", 10);
        var bread = await _owner.HasRecipe("bread", 1, Tenant.Of(flour, 1));
        foreach (var list in (string[])["/ingredients", "/inventory/log", "/inventory/status", "/inventory/totals", "/recipes", "/recipes/availability"])
        {
            (await _owner.Get(list))["items"]!.AsArray().ShouldNotBeEmpty(list);
            (await _other.Get(list))["items"]!.AsArray().ShouldBeEmpty(list);
        }

        foreach (var path in (string[])[$"/ingredients/{flour}", $"/ingredients/{flour}/log", $"/recipes/{bread}", $"/recipes/{bread}/availability"])
        {
            (await _owner.Client.GetAsync(path)).StatusCode.ShouldBe(HttpStatusCode.OK, path);
            (await _other.Client.GetAsync(path)).StatusCode.ShouldBe(HttpStatusCode.NotFound, path);
        }

        var ingredient = Tenant.Ingredient("x");
        ingredient.Remove("id");
        ingredient.Remove("openingStock");
        var recipe = Tenant.Recipe("x", 1, Tenant.Of(await _other.HasIngredient("own", 1), 1));
        recipe.Remove("id");
        (await _other.Client.PutAsJsonAsync($"/ingredients/{flour}", ingredient)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await _other.Client.PutAsJsonAsync($"/recipes/{bread}", recipe)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await _other.Client.PostAsJsonAsync($"/ingredients/{flour}/stock", new { changeType = "decrease", quantity = 1 })).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await _other.Client.DeleteAsync($"/recipes/{bread}")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await _other.Client.DeleteAsync($"/ingredients/{flour}")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await _owner.StockOf(flour)).ShouldBe(10);
    }

    [Fact]
    public async Task A_cancel_by_another_organisation_does_not_reach_the_order()
    {
        var consumed = await fixture.Broker.Listen<StockConsumed>();
        var restored = await fixture.Broker.Listen<StockRestored>();
        var flour = await _owner.HasIngredient("flour", 10);
        var order = Guid.NewGuid();
        await fixture.Broker.Publish(_owner.Org, new OrderConfirmationRequested(order, [new("resale", flour, 4)]));
        await consumed.Next(_owner.Org);
        await fixture.Broker.Publish(_other.Org, new OrderCancelled(order));
        (await restored.Next(_other.Org)).Message.Items.ShouldBeEmpty();
        (await _owner.StockOf(flour)).ShouldBe(6);
    }

    [Fact]
    public async Task Raw_sql_of_another_organisation_sees_and_changes_nothing()
    {
        var flour = await _owner.HasIngredient("flour", 10);
        await _owner.Client.DeleteAsync($"/recipes/{await _owner.HasRecipe("toast", 1, Tenant.Of(flour, 1))}");
        await _owner.HasRecipe("bread", 1, Tenant.Of(flour, 1));
        await fixture.Broker.Publish(_owner.Org, new OrderConfirmationRequested(Guid.NewGuid(), [new("resale", flour, 1)]));
        await Eventually.Is(async () => await Count(_owner.Org, "stock_decisions") == 1 && await Count(_owner.Org, "recipe_availability_sent") > 0);
        string[] tables = ["ingredients", "recipes", "recipe_lines", "recipe_leaves", "deleted_recipes", "recipe_versions", "stock_log", "stock_decisions", "recipe_availability_sent", "inventory_status", "recipe_availability", "sync_events"];
        foreach (var table in tables)
        {
            (await Count(_owner.Org, table)).ShouldBeGreaterThan(0, table);
            (await Count(_other.Org, table)).ShouldBe(0, table);
            (await Count(null, table)).ShouldBe(0, table);
        }

        await using var app = await fixture.OpenAs("app", _other.Org);
        (await Run(app, $"UPDATE ingredients SET stock = 0 WHERE id = '{flour}'")).ShouldBe(0);
        (await Run(app, $"DELETE FROM ingredients WHERE id = '{flour}'")).ShouldBe(0);
        await Fails(app, $"INSERT INTO ingredients (org_id, id, code, name, category, kind, unit, stock, reorder_point, usage_rate, unit_cost_minor) VALUES ('{_owner.Org}', gen_random_uuid(), 'x', 'x', 'x', 'resale', 'g', 1, 0, 0, 0)", PostgresErrorCodes.InsufficientPrivilege);
        await Run(app, $"INSERT INTO recipes (id, code, name, yield_quantity, yield_unit, lines) VALUES ('{Guid.NewGuid()}', 'x', 'x', 1, 'piece', '[]')");
        await Fails(app, $"INSERT INTO recipe_lines (recipe_id, position, ingredient_id, quantity) SELECT id, 1, '{flour}', 1 FROM recipes", PostgresErrorCodes.ForeignKeyViolation);
    }

    [Theory]
    [InlineData("TRUNCATE ingredients CASCADE")]
    [InlineData("TRUNCATE stock_log")]
    [InlineData("UPDATE stock_log SET quantity_after = 0")]
    [InlineData("DELETE FROM stock_log")]
    [InlineData("DELETE FROM stock_decisions")]
    [InlineData("DELETE FROM sync_events")]
    [InlineData("ALTER TABLE ingredients DISABLE ROW LEVEL SECURITY")]
    public async Task The_app_role_may_not(string sql)
    {
        await _owner.HasIngredient("flour", 10);
        await using var app = await fixture.OpenAs("app", _owner.Org);
        await Fails(app, sql, PostgresErrorCodes.InsufficientPrivilege);
    }

    [Fact]
    public async Task Every_endpoint_is_in_the_openapi_document()
    {
        var paths = (await fixture.Anonymous().GetFromJsonAsync<JsonNode>("/inventory/openapi.json"))!["paths"]!.AsObject();
        string[] own = [.. paths.Select(x => x.Key).Where(x => !x.Contains("/errors") && !x.Contains("/changes/") && !x.EndsWith("/hops") && !x.Contains("openapi")).Order()];
        own.ShouldBe(
        [
            "/ingredients", "/ingredients/{id}", "/ingredients/{id}/log", "/ingredients/{id}/stock",
            "/inventory/export/consumption", "/inventory/imports", "/inventory/imports/preview", "/inventory/imports/{id}", "/inventory/imports/{id}/lines", "/inventory/imports/{id}/undo",
            "/inventory/ingredients/bulk", "/inventory/ingredients/bulk/{id}/lines", "/inventory/log", "/inventory/operations/{id}/undo", "/inventory/status",
            "/inventory/totals", "/recipes", "/recipes/availability", "/recipes/{id}", "/recipes/{id}/availability", "/recipes/{id}/deletion", "/recipes/{id}/versions",
        ]);
    }

    [Fact]
    public async Task Every_POST_takes_an_idempotency_key_or_says_why_not() =>
        IdempotencyDocument.Undeclared((await fixture.Anonymous().GetFromJsonAsync<JsonElement>("/inventory/openapi.json")).GetProperty("paths")).ShouldBeEmpty();

    [Fact]
    public async Task Stock_below_zero_is_refused_by_the_database_itself()
    {
        var flour = await _owner.HasIngredient("flour", 10);
        await using var app = await fixture.OpenAs("app", _owner.Org);
        await Fails(app, $"UPDATE ingredients SET stock = -1 WHERE id = '{flour}'", PostgresErrorCodes.CheckViolation);
    }

    private async Task<long> Count(Guid? org, string table)
    {
        await using var app = await fixture.OpenAs("app", org);
        await using var command = new NpgsqlCommand($"SELECT count(*) FROM {table}", app);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private static async Task<int> Run(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteNonQueryAsync();
    }

    private static async Task Fails(NpgsqlConnection connection, string sql, string state) =>
        (await Should.ThrowAsync<PostgresException>(() => Run(connection, sql))).SqlState.ShouldBe(state);
}
