using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.Inventory.Tests;

/// <summary>Undoing a thousand lines or more is agreed to first.</summary>
public sealed class LargeUndoTests(InventoryFixture fixture) : IAsyncLifetime
{
    private const int Many = 1000;

    private readonly Tenant _tenant = fixture.NewTenant();
    private TestListener<OperationStarted> _starts = null!;
    private TestListener<OperationReplanned> _replans = null!;
    private TestListener<OperationEnded> _ends = null!;

    public async ValueTask InitializeAsync() => (_starts, _replans, _ends) =
        (await fixture.Broker.Listen<OperationStarted>(), await fixture.Broker.Listen<OperationReplanned>(), await fixture.Broker.Listen<OperationEnded>());

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [InlineData("operations")]
    [InlineData("imports")]
    public async Task An_import_of_many_lines_is_taken_back_once_an_admin_agrees_who_may_be_the_one_who_asks(string way)
    {
        var flour = await _tenant.HasIngredient("flour", 3);
        var import = await Import(Lines("flour", Many));
        var preview = await _tenant.Get($"/inventory/{way}/{import}/undo");
        ((int)preview["done"]!, (bool)preview["needsApproval"]!).ShouldBe((Many, true));

        var undo = await Undo(import, way);
        undo.Undoes.ShouldBe(import);
        var plan = undo.Plan.ShouldNotBeNull();
        (plan.Records, plan.Deletions, plan.Policy.AllowsOwnVote).ShouldBe((Many, 0L, true));
        plan.Policy.Groups.ShouldHaveSingleItem().ShouldSatisfyAllConditions(x => x.Votes.ShouldBe(1), x => x.Roles.ShouldBe(["admin", "owner"]));
        JsonNode.DeepEquals(JsonNode.Parse(plan.Effect), JsonNode.Parse($$"""{"undoes":"{{import}}","done":1000,"refused":0,"refusals":[],"cannotBeUndone":true}""")).ShouldBeTrue(plan.Effect);
        (await _tenant.StockOf(flour)).ShouldBe(3 + Many);
        await ShouldBeUndoneBy(import, undo.OperationId);

        // What is sold meanwhile changes nothing of what would be done.
        await Sell(flour, 2);
        await Agree(undo.OperationId, plan.Digest);
        var ended = await End();
        (ended.Outcome, ended.Last!.Done, ended.Last.Failed).ShouldBe(("completed", Many, 0L), ended.Error);
        (await _tenant.StockOf(flour)).ShouldBe(1);
        await _tenant.LogAddsUp();
    }

    [Fact]
    public async Task A_line_less_needs_nobody()
    {
        var flour = await _tenant.HasIngredient("flour", 0);
        var import = await Import(Lines("flour", Many - 1));
        ((bool)(await _tenant.Get($"/inventory/operations/{import}/undo"))["needsApproval"]!).ShouldBeFalse();
        ((bool)(await _tenant.Get($"/inventory/imports/{import}/undo"))["needsApproval"]!).ShouldBeFalse();
        (await Undo(import)).Plan.ShouldBeNull();
        (await End()).Outcome.ShouldBe("completed");
        (await _tenant.StockOf(flour)).ShouldBe(0);
    }

    [Fact]
    public async Task When_a_line_cannot_be_taken_back_any_more_the_import_is_voted_on_anew()
    {
        var (flour, salt) = (await _tenant.HasIngredient("flour", 0), await _tenant.HasIngredient("salt", 0));
        var import = await Import([.. Lines("flour", Many), .. Lines("salt", 1)]);
        var undo = await Undo(import);
        await Sell(salt, 1);
        await Agree(undo.OperationId, undo.Plan!.Digest);
        var replanned = (await _replans.Next(_tenant.Org)).Message;
        replanned.OperationId.ShouldBe(undo.OperationId);
        replanned.Plan.Digest.ShouldNotBe(undo.Plan.Digest);
        var effect = JsonNode.Parse(replanned.Plan.Effect)!;
        ((int)effect["done"]!, (int)effect["refused"]!, (string)effect["refusals"]![0]!["what"]!).ShouldBe((Many, 1, $"line {Many + 1}, salt"));
        (await _tenant.StockOf(flour)).ShouldBe(Many);

        // A vote on the plan before counts no more.
        await Agree(undo.OperationId, undo.Plan.Digest);
        await Agree(undo.OperationId, replanned.Plan.Digest);
        var ended = await End();
        (ended.Outcome, ended.Last!.Attempt, ended.Last.Done, ended.Last.Failed).ShouldBe(("completed", 2, Many, 1L), ended.Error);
        (await _tenant.StockOf(flour)).ShouldBe(0);
    }

    [Fact]
    public async Task A_change_of_many_ingredients_is_set_back_as_it_was_agreed_to()
    {
        var (flour, salt) = (await _tenant.HasIngredient("flour", 0), await _tenant.HasIngredient("salt", 0));
        var change = await Change([.. Enumerable.Range(1, Many).Select(n => new { code = "flour", reorderPoint = n }), new { code = "salt", reorderPoint = 7 }]);
        ((bool)(await _tenant.Get($"/inventory/operations/{change}/undo"))["needsApproval"]!).ShouldBeTrue();
        var undo = await Undo(change);
        undo.Plan!.Records.ShouldBe(Many + 1);
        await Change([new { code = "salt", reorderPoint = 9 }]);
        await Agree(undo.OperationId, undo.Plan.Digest);
        var replanned = (await _replans.Next(_tenant.Org)).Message.Plan;
        ((string)JsonNode.Parse(replanned.Effect)!["refusals"]![0]!["error"]!).ShouldBe("It has changed since: the reorder point was set to 7 and is 9.");
        (await ReorderPointOf(flour)).ShouldBe(Many);
        await Agree(undo.OperationId, replanned.Digest);
        var ended = await End();
        (ended.Outcome, ended.Last!.Done, ended.Last.Failed).ShouldBe(("completed", Many, 1L), ended.Error);
        (await ReorderPointOf(flour), await ReorderPointOf(salt)).ShouldBe((0, 9));
    }

    [Fact]
    public async Task What_can_be_undone_only_since_it_began_was_not_agreed_to_and_is_left_as_it_is()
    {
        var (flour, salt) = (await _tenant.HasIngredient("flour", 0), await _tenant.HasIngredient("salt", 0));
        var change = await Change([new { code = "salt", reorderPoint = 7 }, .. Enumerable.Range(1, Many).Select(n => new { code = "flour", reorderPoint = n })]);
        await Change([new { code = "salt", reorderPoint = 9 }]);
        var undo = await Undo(change);
        await using (var session = await fixture.OpenAs("app", _tenant.Org))
        {
            // The flour is held until the salt is what the change made of it.
            await Run(session, $"BEGIN; SELECT FROM ingredients WHERE id = '{flour}' FOR UPDATE");
            await Agree(undo.OperationId, undo.Plan!.Digest);
            await Eventually.Is(async () => await Waiting(session));
            var body = Tenant.Ingredient("salt");
            (body["reorderPoint"], _, _) = (7, body.Remove("openingStock"), body.Remove("id"));
            (await _tenant.Client.PutAsJsonAsync($"/ingredients/{salt}", body)).EnsureSuccessStatusCode();
        }

        var ended = await End();
        (ended.Outcome, ended.Last!.Done, ended.Last.Failed).ShouldBe(("completed", Many, 1L), ended.Error);
        ((string)JsonNode.Parse(ended.Result!)!["refusals"]![0]!["error"]!).ShouldBe("It could not be undone when the undo began.");
        (await ReorderPointOf(flour), await ReorderPointOf(salt)).ShouldBe((0, 7));
    }

    [Theory]
    [InlineData("operations", "denied")]
    [InlineData("operations", "expired")]
    [InlineData("operations", "cancelled")]
    [InlineData("imports", "denied")]
    [InlineData("imports", "cancelled")]
    public async Task Who_was_denied_or_thought_better_of_it_may_ask_again(string way, string end)
    {
        var flour = await _tenant.HasIngredient("flour", 0);
        var import = await Import(Lines("flour", Many));
        var first = await Undo(import, way);
        await GiveUp(first.OperationId, end);
        await Eventually.Is(async () => await IsUndoable(import));
        var second = await Undo(import, way);
        second.Plan!.Digest.ShouldBe(first.Plan!.Digest);
        await ShouldBeUndoneBy(import, second.OperationId);
        // Told once more of the first, nothing changes of the second.
        await GiveUp(first.OperationId, "denied");
        await Agree(second.OperationId, second.Plan.Digest);
        var ended = await End();
        (ended.Operation.OperationId, ended.Outcome).ShouldBe((second.OperationId, "completed"), ended.Error);
        (await _tenant.StockOf(flour)).ShouldBe(0);
        await ShouldBeUndoneBy(import, second.OperationId);
    }

    [Fact]
    public async Task A_change_whose_undo_was_denied_after_its_plan_changed_may_be_undone_too()
    {
        await _tenant.HasIngredient("flour", 0);
        await _tenant.HasIngredient("salt", 0);
        var change = await Change([.. Enumerable.Range(1, Many).Select(n => new { code = "flour", reorderPoint = n }), new { code = "salt", reorderPoint = 7 }]);
        var first = await Undo(change);
        await Change([new { code = "salt", reorderPoint = 9 }]);
        await Agree(first.OperationId, first.Plan!.Digest);
        await _replans.Next(_tenant.Org);
        await GiveUp(first.OperationId, "denied");
        await Eventually.Is(async () => await IsUndoable(change));
        var second = await Undo(change);
        await Agree(second.OperationId, second.Plan!.Digest);
        (await End()).Outcome.ShouldBe("completed");
    }

    [Fact]
    public async Task An_undo_that_was_cancelled_in_the_middle_stays_the_only_one()
    {
        var flour = await _tenant.HasIngredient("flour", 0);
        var import = await Import([.. Lines("flour", 100), .. Lines("salt", 1), .. Lines("flour", 100)], failed: 1);
        OperationStarted undo;
        await using (var session = await fixture.OpenAs("app", _tenant.Org))
        {
            await Run(session, $"BEGIN; SELECT FROM stock_import_lines WHERE import_id = '{import}' AND line_no = 1 FOR UPDATE");
            undo = await Undo(import);
            await Eventually.Is(async () => await Waiting(session));
            await fixture.Broker.Publish(_tenant.Org, new OperationCancelled(undo.OperationId, "inventory", "somebody"));
            (await End()).Outcome.ShouldBe("cancelled");
        }

        (await _tenant.StockOf(flour)).ShouldBe(100);
        await ShouldBeUndoneBy(import, undo.OperationId);
        await (await _tenant.Client.PostAsync($"/inventory/imports/{import}/undo", null)).ShouldRefuse(409, "import-undone");
    }

    [Fact]
    public async Task An_undo_of_a_change_that_was_cancelled_in_the_middle_stays_the_only_one_too()
    {
        var (flour, salt) = (await _tenant.HasIngredient("flour", 0), await _tenant.HasIngredient("salt", 0));
        var change = await Change([.. Enumerable.Repeat("salt", 200).Concat(Enumerable.Repeat("flour", 200)).Select(code => new { code, reorderPoint = 5 })]);
        OperationStarted undo;
        await using (var session = await fixture.OpenAs("app", _tenant.Org))
        {
            await Run(session, $"BEGIN; SELECT FROM ingredients WHERE id = '{salt}' FOR UPDATE");
            undo = await Undo(change);
            await Eventually.Is(async () => await Waiting(session));
            await fixture.Broker.Publish(_tenant.Org, new OperationCancelled(undo.OperationId, "inventory", "somebody"));
            (await End()).Outcome.ShouldBe("cancelled");
        }

        (await ReorderPointOf(flour), await ReorderPointOf(salt)).ShouldBe((0, 5));
        await ShouldBeUndoneBy(change, undo.OperationId);
    }

    [Fact]
    public async Task What_was_agreed_to_only_after_the_images_were_forgotten_says_so_and_changes_nothing()
    {
        await _tenant.HasIngredient("flour", 0);
        var change = await Change([.. Enumerable.Range(1, Many).Select(n => new { code = "flour", reorderPoint = n })]);
        var undo = await Undo(change);
        await using (var owner = await fixture.OpenAs("owner", _tenant.Org))
        {
            await Run(owner, $"DELETE FROM operation_images WHERE operation_id = '{change}'");
        }

        await Agree(undo.OperationId, undo.Plan!.Digest);
        var ended = await End();
        (ended.Outcome, ended.Error).ShouldBe(("failed", "What the ingredients were before is kept for a week, which was over before somebody agreed. Change them as they should be."));
    }

    private static object[] Lines(string code, int count) => [.. Enumerable.Repeat(new { code, changeType = "increase", quantity = 1 }, count)];

    private async Task<Guid> Import(object[] lines, long failed = 0)
    {
        var answer = await _tenant.Client.PostAsJsonAsync("/inventory/imports", new { lines });
        answer.StatusCode.ShouldBe(HttpStatusCode.Accepted, await answer.Content.ReadAsStringAsync());
        var ended = await End();
        (ended.Outcome, ended.Last!.Failed).ShouldBe(("completed", failed));
        await _starts.Next(_tenant.Org);
        return (Guid)(await answer.Body())["id"]!;
    }

    private async Task<Guid> Change(object[] lines)
    {
        var answer = await _tenant.Client.PostAsJsonAsync("/inventory/ingredients/bulk", new { lines });
        answer.StatusCode.ShouldBe(HttpStatusCode.Accepted, await answer.Content.ReadAsStringAsync());
        (await End()).Outcome.ShouldBe("completed");
        await _starts.Next(_tenant.Org);
        return (Guid)(await answer.Body())["operationId"]!;
    }

    private async Task<OperationStarted> Undo(Guid operation, string way = "operations")
    {
        var answer = await _tenant.Client.PostAsync($"/inventory/{way}/{operation}/undo", null);
        answer.StatusCode.ShouldBe(HttpStatusCode.Accepted, await answer.Content.ReadAsStringAsync());
        return (await _starts.Next(_tenant.Org)).Message;
    }

    private async Task GiveUp(Guid undo, string end)
    {
        if (end == "cancelled")
        {
            await fixture.Broker.Publish(_tenant.Org, new OperationCancelled(undo, "inventory", "somebody"));
            var ended = await End();
            (ended.Operation.OperationId, ended.Outcome, ended.Last).ShouldBe((undo, "cancelled", null));
        }
        else
        {
            await fixture.Broker.Publish(_tenant.Org, new OperationDenied(undo, "inventory", end, "No."));
        }
    }

    private async Task<bool> IsUndoable(Guid operation) => (await _tenant.Client.GetAsync($"/inventory/operations/{operation}/undo")).IsSuccessStatusCode;

    private async Task ShouldBeUndoneBy(Guid operation, Guid undo)
    {
        var again = await _tenant.Client.PostAsync($"/inventory/operations/{operation}/undo", null);
        await again.ShouldRefuse(409, "already-undone");
        ((string)(await again.Body())["operation"]!).ShouldBe($"/operations/{undo}");
    }

    private Task Agree(Guid operation, string digest) => fixture.Broker.Publish(_tenant.Org, new OperationApproved(operation, "inventory", digest));

    private async Task<OperationEnded> End() => (await _ends.Next(_tenant.Org)).Message;

    private async Task Sell(Guid ingredient, decimal quantity) =>
        (await _tenant.Client.PostAsJsonAsync($"/ingredients/{ingredient}/stock", new { id = Guid.NewGuid(), changeType = "decrease", quantity, reason = "sold" })).EnsureSuccessStatusCode();

    private async Task<int> ReorderPointOf(Guid ingredient) => (int)(decimal)(await _tenant.Get($"/ingredients/{ingredient}"))["reorderPoint"]!;

    private static async Task Run(Npgsql.NpgsqlConnection session, string sql)
    {
        await using var command = new Npgsql.NpgsqlCommand(sql, session);
        await command.ExecuteNonQueryAsync();
    }

    /// <returns>Whether somebody waits for what the session holds.</returns>
    private async Task<bool> Waiting(Npgsql.NpgsqlConnection session)
    {
        await using var asking = await fixture.OpenAs("owner", _tenant.Org);
        await using var command = new Npgsql.NpgsqlCommand($"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE {session.ProcessID} = ANY(pg_blocking_pids(pid)))", asking);
        return (bool)(await command.ExecuteScalarAsync())!;
    }
}
