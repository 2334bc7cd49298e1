using System.Net.Http.Json;
using System.Text.Json.Nodes;
using OpsPlatform.Testing;

namespace OpsPlatform.Inventory.Tests;

/// <summary>Undoing a thousand lines or more is agreed to first.</summary>
public sealed class LargeUndoTests(InventoryFixture fixture) : UndoneWork(fixture)
{
    [Theory]
    [InlineData("operations")]
    [InlineData("imports")]
    public async Task An_import_of_many_lines_is_taken_back_once_an_admin_agrees_who_may_be_the_one_who_asks(string way)
    {
        var flour = await Tenant.HasIngredient("flour", 3);
        var import = await Import(Lines("flour", Many));
        var preview = await Tenant.Get($"/inventory/{way}/{import}/undo");
        ((int)preview["done"]!, (bool)preview["needsApproval"]!).ShouldBe((Many, true));

        var undo = await Undo(import, way);
        undo.Undoes.ShouldBe(import);
        var plan = undo.Plan.ShouldNotBeNull();
        (plan.Records, plan.Deletions, plan.Policy.AllowsOwnVote).ShouldBe((Many, 0L, true));
        plan.Policy.Groups.ShouldHaveSingleItem().ShouldSatisfyAllConditions(x => x.Votes.ShouldBe(1), x => x.Roles.ShouldBe(["admin", "owner"]));
        JsonNode.DeepEquals(JsonNode.Parse(plan.Effect), JsonNode.Parse($$"""{"undoes":"{{import}}","done":1000,"refused":0,"refusals":[],"cannotBeUndone":true}""")).ShouldBeTrue(plan.Effect);
        (await Tenant.StockOf(flour)).ShouldBe(3 + Many);
        await ShouldBeUndoneBy(import, undo.OperationId);

        // What is sold meanwhile changes nothing of what would be done.
        await Sell(flour, 2);
        await Agree(undo.OperationId, plan.Digest);
        var ended = await End();
        (ended.Outcome, ended.Last!.Done, ended.Last.Failed).ShouldBe(("completed", Many, 0L), ended.Error);
        (await Tenant.StockOf(flour)).ShouldBe(1);
        await Tenant.LogAddsUp();
    }

    [Fact]
    public async Task A_line_less_needs_nobody()
    {
        var flour = await Tenant.HasIngredient("flour", 0);
        var import = await Import(Lines("flour", Many - 1));
        ((bool)(await Tenant.Get($"/inventory/operations/{import}/undo"))["needsApproval"]!).ShouldBeFalse();
        ((bool)(await Tenant.Get($"/inventory/imports/{import}/undo"))["needsApproval"]!).ShouldBeFalse();
        (await Undo(import)).Plan.ShouldBeNull();
        (await End()).Outcome.ShouldBe("completed");
        (await Tenant.StockOf(flour)).ShouldBe(0);
    }

    [Fact]
    public async Task When_a_line_cannot_be_taken_back_any_more_the_import_is_voted_on_anew()
    {
        var (flour, salt) = (await Tenant.HasIngredient("flour", 0), await Tenant.HasIngredient("salt", 0));
        var import = await Import([.. Lines("flour", Many), .. Lines("salt", 1)]);
        var undo = await Undo(import);
        await Sell(salt, 1);
        await Agree(undo.OperationId, undo.Plan!.Digest);
        var replanned = (await Replans.Next(Tenant.Org)).Message;
        replanned.OperationId.ShouldBe(undo.OperationId);
        replanned.Plan.Digest.ShouldNotBe(undo.Plan.Digest);
        var effect = JsonNode.Parse(replanned.Plan.Effect)!;
        ((int)effect["done"]!, (int)effect["refused"]!, (string)effect["refusals"]![0]!["what"]!).ShouldBe((Many, 1, $"line {Many + 1}, salt"));
        (await Tenant.StockOf(flour)).ShouldBe(Many);

        // A vote on the plan before counts no more.
        await Agree(undo.OperationId, undo.Plan.Digest);
        await Agree(undo.OperationId, replanned.Plan.Digest);
        var ended = await End();
        (ended.Outcome, ended.Last!.Attempt, ended.Last.Done, ended.Last.Failed).ShouldBe(("completed", 2, Many, 1L), ended.Error);
        (await Tenant.StockOf(flour)).ShouldBe(0);
    }

    [Fact]
    public async Task A_change_of_many_ingredients_is_set_back_as_it_was_agreed_to()
    {
        var (flour, salt) = (await Tenant.HasIngredient("flour", 0), await Tenant.HasIngredient("salt", 0));
        var change = await Change([.. Enumerable.Range(1, Many).Select(n => new { code = "flour", reorderPoint = n }), new { code = "salt", reorderPoint = 7 }]);
        ((bool)(await Tenant.Get($"/inventory/operations/{change}/undo"))["needsApproval"]!).ShouldBeTrue();
        var undo = await Undo(change);
        undo.Plan!.Records.ShouldBe(Many + 1);
        await Change([new { code = "salt", reorderPoint = 9 }]);
        await Agree(undo.OperationId, undo.Plan.Digest);
        var replanned = (await Replans.Next(Tenant.Org)).Message.Plan;
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
        var (flour, salt) = (await Tenant.HasIngredient("flour", 0), await Tenant.HasIngredient("salt", 0));
        var change = await Change([new { code = "salt", reorderPoint = 7 }, .. Enumerable.Range(1, Many).Select(n => new { code = "flour", reorderPoint = n })]);
        await Change([new { code = "salt", reorderPoint = 9 }]);
        var undo = await Undo(change);
        await using (var session = await Fixture.OpenAs("app", Tenant.Org))
        {
            // The flour is held until the salt is what the change made of it.
            await Run(session, $"BEGIN; SELECT FROM ingredients WHERE id = '{flour}' FOR UPDATE");
            await Agree(undo.OperationId, undo.Plan!.Digest);
            await Eventually.Is(async () => await Waiting(session));
            var body = Tenant.Ingredient("salt");
            (body["reorderPoint"], _, _) = (7, body.Remove("openingStock"), body.Remove("id"));
            (await Tenant.Client.PutAsJsonAsync($"/ingredients/{salt}", body)).EnsureSuccessStatusCode();
        }

        var ended = await End();
        (ended.Outcome, ended.Last!.Done, ended.Last.Failed).ShouldBe(("completed", Many, 1L), ended.Error);
        ((string)JsonNode.Parse(ended.Result!)!["refusals"]![0]!["error"]!).ShouldBe("It could not be undone when the undo began.");
        (await ReorderPointOf(flour), await ReorderPointOf(salt)).ShouldBe((0, 7));
    }

    [Fact]
    public async Task What_was_agreed_to_only_after_the_images_were_forgotten_says_so_and_changes_nothing()
    {
        await Tenant.HasIngredient("flour", 0);
        var change = await Change([.. Enumerable.Range(1, Many).Select(n => new { code = "flour", reorderPoint = n })]);
        var undo = await Undo(change);
        await using (var owner = await Fixture.OpenAs("owner", Tenant.Org))
        {
            await Run(owner, $"DELETE FROM operation_images WHERE operation_id = '{change}'");
        }

        await Agree(undo.OperationId, undo.Plan!.Digest);
        var ended = await End();
        (ended.Outcome, ended.Error).ShouldBe(("failed", "What the ingredients were before is kept for a week, which was over before somebody agreed. Change them as they should be."));
    }

    private async Task Sell(Guid ingredient, decimal quantity) =>
        (await Tenant.Client.PostAsJsonAsync($"/ingredients/{ingredient}/stock", new { id = Guid.NewGuid(), changeType = "decrease", quantity, reason = "sold" })).EnsureSuccessStatusCode();
}
