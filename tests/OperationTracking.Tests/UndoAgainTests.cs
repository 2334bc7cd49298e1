using System.Net;
using OpsPlatform.Contracts;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>An undo that came to nothing is no undo.</summary>
public sealed class UndoAgainTests(OperationsFixture service)
{
    private readonly Board _board = service.Board();

    [Fact]
    public async Task What_was_denied_may_be_asked_for_again_and_is_undone_by_the_later_one()
    {
        var ada = _board.Member();
        var undone = await Undoable();
        var first = await Asked(undone);
        (await UndoOf(undone)).ShouldBe((false, first.OperationId));
        await _board.Votes(first.OperationId, ada, "deny", "Not today.");
        (await UndoOf(undone)).ShouldBe((true, null));
        (await _board.Desk.Send($"/operations/{undone}/undo", new { })).Status.ShouldBe(HttpStatusCode.Accepted);

        var second = await Asked(undone);
        (await UndoOf(undone)).ShouldBe((false, second.OperationId));
        await _board.Votes(second.OperationId, ada);
        await _board.Desk.Say(_board.Desk.End(second, last: _board.Desk.Report(second.OperationId, 1, 1, 100)));
        await _board.Shows(second.OperationId, "completed");
        // Both are told of once more.
        await _board.Desk.Say(first);
        await _board.Desk.Say(second);
        await _board.Desk.EverythingIsHeard();
        (await UndoOf(undone)).ShouldBe((false, second.OperationId));
        await IsIntact();
    }

    [Fact]
    public async Task Denied_it_may_be_tried_again_as_well()
    {
        var ada = _board.Member();
        var failed = (await _board.Desk.Ended("failed", Inventory)).OperationId;
        var undo = await Asked(failed);
        (await _board.Desk.Refused($"/operations/{failed}/retry", new { }, HttpStatusCode.Conflict)).ShouldBe("not-retryable");
        await _board.Votes(undo.OperationId, ada, "deny", "No.");
        (await _board.Desk.Done($"/operations/{failed}/retry", new { })).Text("status").ShouldBe("queued");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Cancelled_before_it_got_anywhere_it_is_none_whichever_is_heard_of_first(bool isOvertaken)
    {
        var undone = await Undoable();
        var first = await _board.Desk.Started(x => x with { Undoes = undone });
        var second = _board.Desk.Operation(change: x => x with { Undoes = undone, QueuedAt = _board.Desk.At(1) });
        if (isOvertaken)
        {
            await _board.Desk.Say(second);
            await _board.Desk.RowShows(second.OperationId, "undoes IS NOT NULL");
        }

        await _board.Desk.Say(_board.Desk.End(first, "cancelled"));
        await _board.Shows(first.OperationId, "cancelled");
        if (!isOvertaken)
        {
            (await UndoOf(undone)).ShouldBe((true, null));
            await _board.Desk.Say(second);
            await _board.Desk.RowShows(second.OperationId, "undoes IS NOT NULL");
        }

        (await UndoOf(undone)).ShouldBe((false, second.OperationId));
    }

    [Fact]
    public async Task Cancelled_or_failed_in_the_middle_it_stays_the_undo()
    {
        foreach (var outcome in (string[])["cancelled", "failed"])
        {
            var undone = await Undoable();
            var undo = await _board.Desk.Running(x => x with { Undoes = undone }, percent: 40);
            await _board.Desk.Say(_board.Desk.End(undo, outcome, _board.Desk.Report(undo.OperationId, 1, 2, 40)));
            await _board.Shows(undo.OperationId, outcome);
            (await UndoOf(undone)).ShouldBe((false, undo.OperationId));
        }
    }

    [Fact]
    public async Task Who_waits_for_the_operation_is_told_that_it_can_be_undone_after_all()
    {
        var ada = _board.Member();
        var undone = await Undoable();
        var undo = await Asked(undone);
        var version = (await _board.Desk.Get(undone)).Text("version");
        await _board.Votes(undo.OperationId, ada, "deny", "No.");
        (await _board.Desk.Get(undone)).Text("version").ShouldNotBe(version);
    }

    private static OperationStarted Inventory(OperationStarted operation) => operation with { OperationType = "inventory.import", Service = "inventory", CanUndo = true };

    private async Task<Guid> Undoable() => (await _board.Desk.Ended(change: Inventory)).OperationId;

    /// <summary>An undo that one admin has to agree to.</summary>
    private async Task<OperationStarted> Asked(Guid undone)
    {
        var operation = _board.Desk.Operation(change: x => x with { Undoes = undone, Service = "inventory", Plan = Board.Plan(Board.Policy(Board.Managers())) });
        await _board.Desk.Say(operation);
        await _board.Desk.RowShows(operation.OperationId, "status = 'waiting_for_approval'");
        await _board.IsLookedAt(operation.OperationId);
        return operation;
    }

    private async Task<(bool IsPossible, Guid? By)> UndoOf(Guid id)
    {
        var undo = (await _board.Desk.Get(id)).GetProperty("undo");
        return (undo.GetProperty("isPossible").GetBoolean(), undo.IsNull("operationId") ? null : undo.GetProperty("operationId").GetGuid());
    }

    private async Task IsIntact()
    {
        using var admin = _board.Desk.Client("admin");
        (await _board.Desk.Get("/operations/audit", client: admin)).GetProperty("isIntact").GetBoolean().ShouldBeTrue();
    }
}
