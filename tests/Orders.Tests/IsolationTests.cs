using System.Net;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.Orders.Tests;

[Collection(nameof(OrdersCollection))]
public sealed class IsolationTests(OrdersFixture fixture)
{
    private readonly Shop _owner = fixture.Shop();
    private readonly Shop _other = fixture.Shop();

    [Fact]
    public async Task Another_organisation_finds_nothing_over_HTTP()
    {
        var item = await _owner.Item(code: "tea");
        var order = await Shop.Created(await _owner.Place(new { customer = new { email = "a@example.org" }, lines = Shop.Lines(item) }));
        var id = (Guid)order["id"]!;

        foreach (var path in (string[])[$"/orders/{id}", $"/menu/{item}", $"/customers/{order["customerId"]}"])
        {
            (await _owner.Till.GetAsync(path)).StatusCode.ShouldBe(HttpStatusCode.OK);
            await Shop.Refused(await _other.Till.GetAsync(path), 404, "not-found");
        }

        foreach (var action in (string[])["confirm", "cancel", "complete"])
        {
            await Shop.Refused(await _other.Post(id, action), 404, "not-found");
        }

        await Shop.Refused(await _other.Place(new { lines = Shop.Lines(item) }), 422, "unknown-menu-item");
        await Shop.Refused(await _other.Till.DeleteAsync($"/menu/{item}"), 404, "not-found");
        foreach (var list in (string[])["/orders", "/menu", "/customers"])
        {
            (await Shop.Body(await _other.Till.GetAsync(list)))["items"]!.AsArray().ShouldBeEmpty();
        }

        ((int)(await Shop.Body(await _other.Till.GetAsync("/orders/summary")))["placed"]!).ShouldBe(0);
        (await _owner.Status(id)).ShouldBe("placed");
    }

    [Fact]
    public async Task The_same_ids_codes_and_people_belong_to_each_organisation_alone()
    {
        var id = Guid.NewGuid();
        foreach (var shop in (Shop[])[_owner, _other])
        {
            var item = await shop.Item(code: "tea");
            await Shop.Created(await shop.Place(new { id, customer = new { email = "a@example.org" }, lines = Shop.Lines(item) }));
        }

        (await _owner.Count("customers")).ShouldBe(1);
        (await _other.Count("orders")).ShouldBe(1);
    }

    [Fact]
    public async Task A_decision_of_another_organisation_decides_nothing()
    {
        var order = await _owner.ConfirmingOrder();

        await _other.Say(new StockConsumed(order, []));
        await _other.AllHeard(about => new StockConsumed(about, []));

        (await _owner.Status(order)).ShouldBe("confirming");
    }

    [Theory]
    [InlineData("orders")]
    [InlineData("order_lines")]
    [InlineData("menu_items")]
    [InlineData("deleted_menu_items")]
    [InlineData("recipe_availability")]
    [InlineData("customers")]
    public async Task The_app_role_sees_only_the_organisation_it_acts_for(string table)
    {
        await Shop.Created(await _owner.Place(new { customer = new { email = "a@example.org" }, lines = Shop.Lines(await _owner.Item()) }));
        await _owner.Till.DeleteAsync($"/menu/{await _owner.Item()}");
        await _owner.Say(new RecipeAvailabilityChanged(Guid.NewGuid(), true, 1));
        await Eventually.Is(async () => await _owner.Count("recipe_availability") == 1);

        (await _owner.Count(table)).ShouldBe(1);
        (await _other.Count(table)).ShouldBe(0);
        await using var nobody = await fixture.OpenAs("app");
        await using var count = new NpgsqlCommand($"SELECT count(*) FROM {table}", nobody);
        (await count.ExecuteScalarAsync()).ShouldBe(0L);
    }

    [Fact]
    public async Task The_app_role_changes_nothing_of_another_organisation()
    {
        var item = await _owner.Item();
        var order = await _owner.Order(item);
        await using var connection = await fixture.OpenAs("app", _other.Org);

        (await Run(connection, $"UPDATE orders SET status = 'cancelled' WHERE id = '{order}'")).ShouldBe(0);
        (await Run(connection, $"DELETE FROM menu_items WHERE id = '{item}'")).ShouldBe(0);
        (await Should.ThrowAsync<PostgresException>(() => Run(connection, $"INSERT INTO customers (org_id, id, email) VALUES ('{_owner.Org}', gen_random_uuid(), 'b@example.org')")))
            .SqlState.ShouldBe(PostgresErrorCodes.InsufficientPrivilege);
        (await Should.ThrowAsync<PostgresException>(() => Run(connection, $"INSERT INTO order_lines (org_id, order_id, line_no, menu_item_id, name, kind, pieces_per_sale, quantity, unit_price_minor, total_minor, tax_class) VALUES ('{_other.Org}', '{order}', 2, gen_random_uuid(), 'x', 'service', 1, 1, 1, 1, 'none')")))
            .SqlState.ShouldBe(PostgresErrorCodes.ForeignKeyViolation);
    }

    private static async Task<int> Run(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteNonQueryAsync();
    }
}
