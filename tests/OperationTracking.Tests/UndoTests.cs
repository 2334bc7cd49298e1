using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using OpsPlatform.Contracts;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>An operation is undone by the service that worked on it, which is asked as its caller.</summary>
public sealed class UndoTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task Its_service_is_asked_as_the_caller_what_an_undo_would_do_and_to_start_it()
    {
        var id = (await Undoable()).OperationId;
        (await _desk.Get(id)).GetProperty("undo").ToString().ShouldBe("""{"isPossible":true,"operationId":null}""");
        var preview = await _desk.Get($"/operations/{id}/undo");
        (preview.Number("done"), preview.Number("refused"), preview.GetProperty("refusals")[0].Text("what")).ShouldBe((2, 1, "ingredient salt"));
        preview.GetProperty("needsApproval").GetBoolean().ShouldBeTrue();

        var (status, body, answer) = await Undo(id);
        (status, body.GetProperty("undoes").GetGuid()).ShouldBe((HttpStatusCode.Accepted, id));
        answer.Headers.GetValues("Operation-Location").ShouldBe([$"/operations/{body.Text("operationId")}/status"]);
        service.Inventory.Asked[id].ShouldBe($"GET {_desk.User}, POST {_desk.User}");
    }

    [Fact]
    public async Task Once_the_undo_is_heard_of_both_name_each_other_whichever_came_first()
    {
        var first = await Undoable();
        var version = (await _desk.Get(first.OperationId)).Text("version");
        var undo = await _desk.Started(x => x with { Undoes = first.OperationId });
        var undone = await _desk.Shows(first.OperationId, x => x.Text("version") != version);
        undone.GetProperty("undo").ToString().ShouldBe($$"""{"isPossible":false,"operationId":"{{undo.OperationId}}"}""");
        (await _desk.Get(undo.OperationId)).GetProperty("undoes").GetGuid().ShouldBe(first.OperationId);
        (await _desk.Get(undo.OperationId)).IsNull("undo").ShouldBeTrue();
        var (status, problem, _) = await Undo(first.OperationId);
        (status, problem.Problem(), problem.Text("operation")).ShouldBe((HttpStatusCode.Conflict, "already-undone", $"/operations/{undo.OperationId}"));

        var late = _desk.Operation(change: Inventory);
        var early = await _desk.Started(x => x with { Undoes = late.OperationId });
        await _desk.Say(_desk.End(late, last: _desk.Report(late.OperationId, 1, 1, 50)));
        (await _desk.Shows(late.OperationId, x => x.Text("status") == "completed")).GetProperty("undo").GetProperty("operationId").GetGuid().ShouldBe(early.OperationId);
        using var admin = _desk.Client("admin");
        (await _desk.Get("/operations/audit", client: admin)).GetProperty("isIntact").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public async Task What_was_undone_is_not_tried_again()
    {
        var failed = await Undoable("failed");
        await _desk.Started(x => x with { Undoes = failed.OperationId });
        await _desk.Shows(failed.OperationId, x => !x.GetProperty("undo").IsNull("operationId"));
        (await _desk.Refused($"/operations/{failed.OperationId}/retry", new { }, HttpStatusCode.Conflict)).ShouldBe("not-retryable");
    }

    [Fact]
    public async Task What_cannot_be_undone_says_why_and_no_service_is_asked()
    {
        var running = await _desk.Running(Inventory);
        (await Undo(running.OperationId)).Body.Problem().ShouldBe("operation-running");
        var neverBegun = _desk.Operation(change: Inventory);
        await _desk.Say(_desk.End(neverBegun, "cancelled"));
        await _desk.Shows(neverBegun.OperationId, x => x.Text("status") == "cancelled");
        (await Undo(neverBegun.OperationId)).Body.Problem().ShouldBe("not-undoable");
        var other = await _desk.Ended();
        (await _desk.Get(other.OperationId)).IsNull("undo").ShouldBeTrue();
        (await Undo(other.OperationId)).Body.Problem().ShouldBe("not-undoable");
        (await _desk.Get($"/operations/{await _desk.Post()}/undo", HttpStatusCode.Conflict)).Problem().ShouldBe("not-undoable");
        service.Inventory.Asked.Keys.Intersect([running.OperationId, neverBegun.OperationId, other.OperationId]).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_the_service_refuses_is_answered_as_it_says()
    {
        var id = (await Undoable()).OperationId;
        service.Inventory.Answers[id] = Results.Problem("Undoing it takes the role admin.", statusCode: 403, title: "Your role does not allow it.", type: "https://opsplatform.dev/problems/forbidden");
        var (status, problem, _) = await Undo(id);
        (status, problem.Problem(), problem.Text("detail")).ShouldBe((HttpStatusCode.Forbidden, "forbidden", "Undoing it takes the role admin."));
        service.Inventory.Answers[id] = Results.NotFound();
        (await Undo(id)).Body.Problem().ShouldBe("not-undoable");
        service.Inventory.Answers[id] = Results.Problem(statusCode: 404);
        (await _desk.Get($"/operations/{id}/undo", HttpStatusCode.Conflict)).Problem().ShouldBe("not-undoable");
    }

    [Fact]
    public async Task While_the_service_is_away_it_is_said_when_to_come_again()
    {
        var id = (await Undoable()).OperationId;
        foreach (var told in (IResult[])[Results.StatusCode(503), Results.StatusCode(500), Results.Text("<html>"), Results.Text("not found", statusCode: 400)])
        {
            service.Inventory.Answers[id] = told;
            var (status, _, answer) = await Undo(id);
            status.ShouldBe(HttpStatusCode.ServiceUnavailable);
            answer.Headers.RetryAfter.ShouldNotBeNull();
        }

        var elsewhere = await _desk.Ended(change: x => x with { CanUndo = true, Service = "nowhere" });
        (await Undo(elsewhere.OperationId)).Status.ShouldBe(HttpStatusCode.ServiceUnavailable);
    }

    [Fact]
    public async Task It_is_undone_by_who_sees_it()
    {
        var id = (await Undoable()).OperationId;
        using var colleague = _desk.Client("staff", Guid.NewGuid());
        (await _desk.Get($"/operations/{id}/undo", HttpStatusCode.Forbidden, colleague)).Problem().ShouldBe("not-yours");
        (await _desk.Refused($"/operations/{id}/undo", new { }, HttpStatusCode.Forbidden, colleague)).ShouldBe("not-yours");
        using var stranger = service.Client(Guid.NewGuid(), "owner", _desk.User);
        await _desk.Get($"/operations/{id}/undo", HttpStatusCode.NotFound, stranger);
        (await _desk.Send($"/operations/{id}/undo", new { }, stranger)).Status.ShouldBe(HttpStatusCode.NotFound);
        service.Inventory.Asked.ContainsKey(id).ShouldBeFalse();
        using var admin = _desk.Client("admin", Guid.NewGuid());
        (await _desk.Send($"/operations/{id}/undo", new { }, admin)).Status.ShouldBe(HttpStatusCode.Accepted);
    }

    private static OperationStarted Inventory(OperationStarted operation) => operation with { OperationType = "inventory.import", Service = "inventory", CanUndo = true };

    private Task<OperationStarted> Undoable(string outcome = "completed") => _desk.Ended(outcome, Inventory);

    private Task<(HttpStatusCode Status, JsonElement Body, HttpResponseMessage Answer)> Undo(Guid id) => _desk.Send($"/operations/{id}/undo", new { });
}
