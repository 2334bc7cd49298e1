using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.Inventory.Tests;

/// <summary>An undo that ended before it changed anything leaves its place to another; one that was stopped in the middle does not.</summary>
public sealed class UndoAgainTests(InventoryFixture fixture) : UndoneWork(fixture)
{
    [Theory]
    [InlineData("operations", "denied")]
    [InlineData("operations", "expired")]
    [InlineData("operations", "cancelled")]
    [InlineData("imports", "denied")]
    [InlineData("imports", "cancelled")]
    public async Task Who_was_denied_or_thought_better_of_it_may_ask_again(string way, string end)
    {
        var flour = await Tenant.HasIngredient("flour", 0);
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
        (await Tenant.StockOf(flour)).ShouldBe(0);
        await ShouldBeUndoneBy(import, second.OperationId);
    }

    [Fact]
    public async Task A_change_whose_undo_was_denied_after_its_plan_changed_may_be_undone_too()
    {
        await Tenant.HasIngredient("flour", 0);
        await Tenant.HasIngredient("salt", 0);
        var change = await Change([.. Enumerable.Range(1, Many).Select(n => new { code = "flour", reorderPoint = n }), new { code = "salt", reorderPoint = 7 }]);
        var first = await Undo(change);
        await Change([new { code = "salt", reorderPoint = 9 }]);
        await Agree(first.OperationId, first.Plan!.Digest);
        await Replans.Next(Tenant.Org);
        await GiveUp(first.OperationId, "denied");
        await Eventually.Is(async () => await IsUndoable(change));
        var second = await Undo(change);
        await Agree(second.OperationId, second.Plan!.Digest);
        (await End()).Outcome.ShouldBe("completed");
    }

    [Fact]
    public async Task An_undo_that_was_cancelled_in_the_middle_stays_the_only_one()
    {
        var flour = await Tenant.HasIngredient("flour", 0);
        var import = await Import([.. Lines("flour", 100), .. Lines("salt", 1), .. Lines("flour", 100)], failed: 1);
        OperationStarted undo;
        await using (var session = await Fixture.OpenAs("app", Tenant.Org))
        {
            await Run(session, $"BEGIN; SELECT FROM stock_import_lines WHERE import_id = '{import}' AND line_no = 1 FOR UPDATE");
            undo = await Undo(import);
            await Eventually.Is(async () => await Waiting(session));
            await Fixture.Broker.Publish(Tenant.Org, new OperationCancelled(undo.OperationId, "inventory", "somebody"));
            (await End()).Outcome.ShouldBe("cancelled");
        }

        (await Tenant.StockOf(flour)).ShouldBe(100);
        await ShouldBeUndoneBy(import, undo.OperationId);
        await (await Tenant.Client.PostAsync($"/inventory/imports/{import}/undo", null)).ShouldRefuse(409, "import-undone");
    }

    [Fact]
    public async Task An_undo_of_a_change_that_was_cancelled_in_the_middle_stays_the_only_one_too()
    {
        var (flour, salt) = (await Tenant.HasIngredient("flour", 0), await Tenant.HasIngredient("salt", 0));
        var change = await Change([.. Enumerable.Repeat("salt", 200).Concat(Enumerable.Repeat("flour", 200)).Select(code => new { code, reorderPoint = 5 })]);
        OperationStarted undo;
        await using (var session = await Fixture.OpenAs("app", Tenant.Org))
        {
            await Run(session, $"BEGIN; SELECT FROM ingredients WHERE id = '{salt}' FOR UPDATE");
            undo = await Undo(change);
            await Eventually.Is(async () => await Waiting(session));
            await Fixture.Broker.Publish(Tenant.Org, new OperationCancelled(undo.OperationId, "inventory", "somebody"));
            (await End()).Outcome.ShouldBe("cancelled");
        }

        (await ReorderPointOf(flour), await ReorderPointOf(salt)).ShouldBe((0, 5));
        await ShouldBeUndoneBy(change, undo.OperationId);
    }

    [Fact]
    public async Task An_undo_that_is_tried_again_while_another_takes_the_import_back_is_refused()
    {
        var flour = await Tenant.HasIngredient("flour", 0);
        var import = await Import(Lines("flour", Many));
        var first = await Undo(import);
        await GiveUp(first.OperationId, "denied");
        await Eventually.Is(async () => await IsUndoable(import));
        var second = await Undo(import);
        await Fixture.Broker.Publish(Tenant.Org, new OperationRetried(first.OperationId, "inventory", "somebody"));
        await Agree(first.OperationId, (await Replans.Next(Tenant.Org)).Message.Plan.Digest);
        var refused = await End();
        (refused.Operation.OperationId, refused.Outcome, refused.Error).ShouldBe((first.OperationId, "failed", "Another operation takes the import back by now."));
        (await Tenant.StockOf(flour)).ShouldBe(Many);

        await Agree(second.OperationId, second.Plan!.Digest);
        (await End()).ShouldSatisfyAllConditions(x => x.Operation.OperationId.ShouldBe(second.OperationId), x => x.Last!.Done.ShouldBe(Many));
        (await Tenant.StockOf(flour)).ShouldBe(0);
    }

    private async Task GiveUp(Guid undo, string end)
    {
        if (end == "cancelled")
        {
            await Fixture.Broker.Publish(Tenant.Org, new OperationCancelled(undo, "inventory", "somebody"));
            var ended = await End();
            (ended.Operation.OperationId, ended.Outcome, ended.Last).ShouldBe((undo, "cancelled", null));
        }
        else
        {
            await Fixture.Broker.Publish(Tenant.Org, new OperationDenied(undo, "inventory", end, "No."));
        }
    }

    private async Task<bool> IsUndoable(Guid operation) => (await Tenant.Client.GetAsync($"/inventory/operations/{operation}/undo")).IsSuccessStatusCode;
}
