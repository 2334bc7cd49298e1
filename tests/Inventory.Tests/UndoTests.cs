using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using OpsPlatform.Contracts;

namespace OpsPlatform.Inventory.Tests;

/// <summary>Operations of this service are undone by another one, once.</summary>
public sealed class UndoTests(InventoryFixture fixture) : UndoneWork(fixture)
{
    [Fact]
    public async Task An_import_is_undone_as_any_operation_is_and_says_which_it_undoes()
    {
        var flour = await Tenant.HasIngredient("flour", 10);
        var import = await Import([Line("flour", 5), Line("none", 1)], failed: 1);
        (await Starts.Next(Tenant.Org)).Message.ShouldSatisfyAllConditions(x => x.CanUndo.ShouldBeTrue(), x => x.Undoes.ShouldBeNull());

        var preview = await Tenant.Get($"/inventory/operations/{import}/undo");
        ((int)preview["done"]!, (int)preview["refused"]!).ShouldBe((1, 0));
        var answer = await AskUndo(import);
        answer.StatusCode.ShouldBe(HttpStatusCode.Accepted, await answer.Content.ReadAsStringAsync());
        var undo = (Guid)(await answer.Body())["operationId"]!;
        answer.Headers.GetValues("Operation-Location").ShouldBe([$"/operations/{undo}/status"]);
        (await Starts.Next(Tenant.Org)).Message.ShouldSatisfyAllConditions(x => x.OperationId.ShouldBe(undo), x => x.Undoes.ShouldBe(import), x => x.CanUndo.ShouldBeFalse());
        (await End()).Outcome.ShouldBe("completed");
        (await Tenant.StockOf(flour)).ShouldBe(10);

        await ShouldBeUndoneBy(import, undo);
        await (await Tenant.Client.PostAsJsonAsync($"/inventory/imports/{import}/undo", new { })).ShouldRefuse(409, "import-undone");
        // What undoes an operation is not undone itself.
        await (await AskUndo(undo)).ShouldRefuse(409, "not-undoable");
        await Tenant.LogAddsUp();
    }

    [Fact]
    public async Task Of_many_who_undo_an_import_at_once_by_either_way_one_wins()
    {
        var flour = await Tenant.HasIngredient("flour", 0);
        var import = await Import([Line("flour", 5)]);
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(n =>
            Tenant.Client.PostAsJsonAsync(n % 2 == 0 ? $"/inventory/operations/{import}/undo" : $"/inventory/imports/{import}/undo", new { })));
        answers.Select(answer => (int)answer.StatusCode).Order().ShouldBe([202, .. Enumerable.Repeat(409, 7)]);
        (await End()).Outcome.ShouldBe("completed");
        (await Tenant.StockOf(flour)).ShouldBe(0);
    }

    [Fact]
    public async Task Of_many_who_undo_a_change_at_once_one_wins()
    {
        await Tenant.HasIngredient("flour", 0);
        var change = await Change([To("flour", 5)]);
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => AskUndo(change)));
        answers.Select(answer => (int)answer.StatusCode).Order().ShouldBe([202, .. Enumerable.Repeat(409, 7)]);
        (await End()).Last!.Done.ShouldBe(1);
    }

    [Fact]
    public async Task Many_ingredients_are_changed_line_by_line_and_set_back_but_for_what_has_changed_since()
    {
        var (flour, salt, plum) = (await Tenant.HasIngredient("flour", 0), await Tenant.HasIngredient("salt", 0), await Tenant.HasIngredient("plum", 0));
        var gone = await Tenant.HasIngredient("gone", 0);
        object[] lines = [To("flour", 5, 1.5m), To("none", 1), To("salt", 6), To("flour", 7), To("plum", cost: 3), To("gone", 8)];
        var preview = await (await Post(new { lines, validateOnly = true })).Body();
        ((int)preview["done"]!, (int)preview["refused"]!, (int)preview["refusals"]![0]!["lineNo"]!).ShouldBe((5, 1, 2));
        (await ValuesOf(flour)).ShouldBe((0m, 0.25m));

        var change = await Change(lines, failed: 1);
        (await ValuesOf(flour), await ValuesOf(salt), await ValuesOf(plum)).ShouldBe(((7m, 1.5m), (6m, 0.25m), (0m, 3m)));
        var failed = await Tenant.Get($"/inventory/ingredients/bulk/{change}/lines?outcome=failed");
        failed["items"]!.AsArray().Select(x => ((int)x!["lineNo"]!, (string)x["error"]!)).ShouldBe([(2, "No ingredient has this code.")]);

        await Change([To("salt", 9)]);
        (await Tenant.Client.DeleteAsync($"/ingredients/{gone}")).EnsureSuccessStatusCode();
        var before = await Tenant.Get($"/inventory/operations/{change}/undo");
        ((int)before["done"]!, (int)before["refused"]!).ShouldBe((3, 2));
        before["refusals"]!.AsArray().Select(x => ((string)x!["what"]!, (string)x["error"]!)).ShouldBe([
            ($"ingredient {gone}", "The ingredient was deleted since."), ("ingredient salt", "It has changed since: the reorder point was set to 6 and is 9.")]);
        (await AskUndo(change)).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        var ended = await End();
        (ended.Outcome, ended.Last!.Done, ended.Last.Failed).ShouldBe(("completed", 3L, 2L));
        (await ValuesOf(flour), await ValuesOf(salt), await ValuesOf(plum)).ShouldBe(((0m, 0.25m), (9m, 0.25m), (0m, 0.25m)));
        await (await AskUndo(change)).ShouldRefuse(409, "already-undone");
    }

    [Fact]
    public async Task Hundreds_of_changes_of_one_ingredient_are_set_back_in_their_reverse_order()
    {
        var flour = await Tenant.HasIngredient("flour", 0);
        var change = await Change([.. Enumerable.Range(1, 450).Select(n => To("flour", n))]);
        (await ValuesOf(flour)).ShouldBe((450m, 0.25m));
        ((int)(await Tenant.Get($"/inventory/operations/{change}/undo"))["done"]!).ShouldBe(450);
        (await AskUndo(change)).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        (await End()).Last!.Effects.ShouldBe([new OperationEffect("ingredients set back", 450)]);
        (await ValuesOf(flour)).ShouldBe((0m, 0.25m));
    }

    [Fact]
    public async Task Who_neither_started_it_nor_is_an_admin_may_not_undo_it_and_another_organisation_finds_nothing()
    {
        await Tenant.HasIngredient("flour", 0);
        var import = await Import([Line("flour", 5)]);
        await (await Tenant.As("staff").GetAsync($"/inventory/operations/{import}/undo")).ShouldRefuse(403, "not-yours");
        await (await Tenant.As("staff").PostAsync($"/inventory/operations/{import}/undo", null)).ShouldRefuse(403, "not-yours");
        foreach (var client in (HttpClient[])[Fixture.NewTenant().Client])
        {
            (await client.GetAsync($"/inventory/operations/{import}/undo")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
            (await client.PostAsync($"/inventory/operations/{import}/undo", null)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        }

        (await Tenant.As("admin").GetAsync($"/inventory/operations/{import}/undo")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await Tenant.As("viewer").PostAsJsonAsync("/inventory/ingredients/bulk", new { lines = new[] { To("flour", 1) } })).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await Fixture.NewTenant().Client.GetAsync($"/inventory/ingredients/bulk/{import}/lines")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Whose_role_was_taken_since_may_not_undo_their_own_work_any_more()
    {
        await Tenant.HasIngredient("flour", 0);
        var user = Guid.NewGuid();
        using var staff = Fixture.Client(Tenant.Org, "staff", user);
        var import = await Import([Line("flour", 5)], client: staff);
        using var viewer = Fixture.Client(Tenant.Org, "viewer", user);
        await (await viewer.PostAsync($"/inventory/operations/{import}/undo", null)).ShouldRefuse(403, "forbidden");
        (await staff.PostAsync($"/inventory/operations/{import}/undo", null)).StatusCode.ShouldBe(HttpStatusCode.Accepted);
    }

    [Fact]
    public async Task What_goes_on_is_not_undone_and_what_is_undone_does_not_go_on()
    {
        await Tenant.HasIngredient("flour", 0);
        var import = await Import([Line("flour", 5)]);
        await Execute($"UPDATE operation_work SET state = 'waiting', ended_at = NULL, next_attempt_at = 'infinity' WHERE id = '{import}'");
        await (await AskUndo(import)).ShouldRefuse(409, "operation-running");
        await Execute($"UPDATE operation_work SET state = 'ended', ended_at = now() WHERE id = '{import}'");
        (await AskUndo(import)).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        (await End()).Outcome.ShouldBe("completed");

        await Fixture.Broker.Publish(Tenant.Org, new OperationRetried(import, "inventory", "somebody"));
        var ended = await End();
        (ended.Operation.OperationId, ended.Outcome, ended.Error).ShouldBe((import, "failed", "It was undone and is not tried again. Start it anew."));
    }

    [Theory]
    [InlineData("""{"lines":[]}""")]
    [InlineData("""{"lines":[null]}""")]
    [InlineData("""{"lines":[{"code":"a"}]}""")]
    [InlineData("""{"lines":[{"code":"","reorderPoint":1}]}""")]
    [InlineData("""{"lines":[{"code":"a","reorderPoint":-1}]}""")]
    [InlineData("""{"lines":[{"code":"a","unitCostMinor":0.0000001}]}""")]
    [InlineData("""{"lines":[{"code":"a","stock":1}]}""")]
    public async Task What_does_not_fit_is_refused_as_a_whole(string body)
    {
        using var content = new StringContent(body, null, "application/json");
        (await Tenant.Client.PostAsync("/inventory/ingredients/bulk", content)).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
    }

    private static JsonObject To(string code, decimal? point = null, decimal? cost = null) => new() { ["code"] = code, ["reorderPoint"] = point, ["unitCostMinor"] = cost };

    private Task<HttpResponseMessage> Post(object body) => Tenant.Client.PostAsJsonAsync("/inventory/ingredients/bulk", body);

    private async Task<(decimal Point, decimal Cost)> ValuesOf(Guid ingredient)
    {
        var now = await Tenant.Get($"/ingredients/{ingredient}");
        return ((decimal)now["reorderPoint"]!, (decimal)now["unitCostMinor"]!);
    }

    private async Task Execute(string sql)
    {
        await using var session = await Fixture.OpenAs("app", Tenant.Org);
        await using var command = new Npgsql.NpgsqlCommand(sql, session);
        (await command.ExecuteNonQueryAsync()).ShouldBe(1);
    }
}
