using System.Net;
using System.Net.Http.Json;
using OpsPlatform.Contracts;

namespace OpsPlatform.OperationTracking.Tests;

public sealed class CancelTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task A_cancel_is_noted_and_told_to_the_service_that_works_on_it_which_says_what_became_of_it()
    {
        var heard = await service.Broker.Listen<OperationCancelled>();
        var operation = await _desk.Running();
        var id = operation.OperationId;
        var (status, body) = await _desk.Cancel(id, "Wrong month.");
        status.ShouldBe(HttpStatusCode.Accepted);
        body.Text("status").ShouldBe("cancelling");
        body.Text("cancelledBy").ShouldBe(_desk.User.ToString());
        body.Text("cancelReason").ShouldBe("Wrong month.");
        var told = await heard.Next(_desk.Org);
        told.Message.ShouldBe(new OperationCancelled(id, "orders", _desk.User.ToString(), "Wrong month."));

        // Reports go on until the worker has stopped, and do not make it any less cancelling.
        await _desk.Say(_desk.Report(id, 1, 7, 44));
        await _desk.RowShows(id, "status = 'cancelling' AND sequence = 7");
        await _desk.Say(_desk.End(operation, "cancelled", _desk.Report(id, 1, 8, 45)));
        var over = await _desk.Shows(id, x => x.Text("status") == "cancelled");
        over.Text("cancelReason").ShouldBe("Wrong month.");
        over.Number("progressPercentage").ShouldBe(45);
        (await _desk.Story(id)).ShouldBe(["started", "attempt_began", "cancel_asked", "cancelled"]);
    }

    [Fact]
    public async Task Asked_twice_it_is_told_once()
    {
        var heard = await service.Broker.Listen<OperationCancelled>();
        var id = (await _desk.Running()).OperationId;
        (await _desk.Cancel(id, "first")).Status.ShouldBe(HttpStatusCode.Accepted);
        var (status, body) = await _desk.Cancel(id, "second");
        status.ShouldBe(HttpStatusCode.Accepted);
        body.Text("cancelReason").ShouldBe("first");
        var other = (await _desk.Running()).OperationId;
        await _desk.Cancel(other);
        (await heard.Next(_desk.Org, 2)).Select(x => x.Message.OperationId).ShouldBe([id, other]);
    }

    [Fact]
    public async Task Many_at_once_are_told_once()
    {
        var heard = await service.Broker.Listen<OperationCancelled>();
        var id = (await _desk.Running()).OperationId;
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(n => _desk.Cancel(id, $"{n}")));
        answers.ShouldAllBe(x => x.Status == HttpStatusCode.Accepted);
        answers.Select(x => x.Body.Text("cancelReason")).Distinct().Count().ShouldBe(1);
        var other = (await _desk.Running()).OperationId;
        await _desk.Cancel(other);
        (await heard.Next(_desk.Org, 2)).Select(x => x.Message.OperationId).ShouldBe([id, other]);
    }

    [Fact]
    public async Task With_the_same_key_it_is_answered_the_same()
    {
        var id = (await _desk.Running()).OperationId;
        var first = await _desk.Cancel(id, "once", key: "k-1");
        var second = await _desk.Cancel(id, "once", key: "k-1");
        second.Status.ShouldBe(HttpStatusCode.Accepted);
        second.Body.ToString().ShouldBe(first.Body.ToString());
    }

    [Theory]
    [InlineData("completed")]
    [InlineData("failed")]
    [InlineData("cancelled")]
    public async Task What_has_ended_cannot_be_cancelled(string outcome)
    {
        var operation = await _desk.Ended(outcome);
        var (status, body) = await _desk.Cancel(operation.OperationId);
        status.ShouldBe(HttpStatusCode.Conflict);
        body.Problem().ShouldBe("operation-over");
        body.GetProperty("operation").Text("status").ShouldBe(outcome);
    }

    [Fact]
    public async Task It_can_be_cancelled_before_it_was_begun()
    {
        var operation = await _desk.Started();
        (await _desk.Cancel(operation.OperationId)).Body.Text("status").ShouldBe("cancelling");
        await _desk.Say(_desk.End(operation, "cancelled"));
        await _desk.Shows(operation.OperationId, x => x.Text("status") == "cancelled");
        (await _desk.Story(operation.OperationId)).ShouldBe(["started", "cancel_asked", "cancelled"]);
    }

    [Fact]
    public async Task Another_member_is_refused_an_admin_may_and_another_organisation_finds_nothing()
    {
        var id = (await _desk.Running()).OperationId;
        using var colleague = _desk.Client("staff", Guid.NewGuid());
        var (refused, problem) = await _desk.Cancel(id, client: colleague);
        refused.ShouldBe(HttpStatusCode.Forbidden);
        problem.Problem().ShouldBe("not-yours");
        using var stranger = service.Client(Guid.NewGuid(), "owner", _desk.User);
        (await _desk.Cancel(id, client: stranger)).Status.ShouldBe(HttpStatusCode.NotFound);
        (await _desk.Get(id)).Text("status").ShouldBe("in_progress");

        using var admin = _desk.Client("admin", Guid.NewGuid());
        (await _desk.Cancel(id, client: admin)).Status.ShouldBe(HttpStatusCode.Accepted);
    }

    [Fact]
    public async Task A_reason_may_be_left_out_and_is_not_a_novel()
    {
        var id = (await _desk.Running()).OperationId;
        (await _desk.Cancel(id, new string('x', 501))).Status.ShouldBe(HttpStatusCode.BadRequest);
        using var client = _desk.Client();
        using var answer = await client.PostAsJsonAsync($"/operations/{id}/cancel", new { });
        answer.StatusCode.ShouldBe(HttpStatusCode.Accepted);
    }
}
