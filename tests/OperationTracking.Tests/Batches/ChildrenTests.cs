using System.Net;
using System.Text.Json;

namespace OpsPlatform.OperationTracking.Tests.Batches;

public sealed class ChildrenTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task An_operation_names_its_parent_and_counts_its_children_by_where_they_are()
    {
        var parent = await _desk.Post();
        (await _desk.Get(parent)).IsNull("children").ShouldBeTrue();
        var waiting = await _desk.Post(("parentId", parent));
        (await _desk.Get(waiting)).GetProperty("parentId").GetGuid().ShouldBe(parent);
        await _desk.Begun(("parentId", parent));
        await _desk.End(await _desk.Begun(("parentId", parent)));
        await _desk.End(await _desk.Begun(("parentId", parent)), "failed");
        await _desk.Cancel(await _desk.Post(("parentId", parent)));
        (await _desk.Get(parent)).GetProperty("children").ToString()
            .ShouldBe("""{"total":5,"waiting":1,"inProgress":1,"completed":1,"failed":1,"cancelled":1}""");
        (await _desk.Get(waiting)).IsNull("batch").ShouldBeTrue();
        (await _desk.Get($"/operations/{waiting}/timeline")).GetProperty("items")[0].GetProperty("details").Text("parentId").ShouldBe($"{parent}");
    }

    [Fact]
    public async Task Children_are_listed_by_their_parent_page_by_page()
    {
        var parent = await _desk.Post();
        List<Guid> children = [];
        for (var i = 0; i < 5; i++)
        {
            children.Add(await _desk.Post(("parentId", parent)));
        }

        var first = await _desk.Get($"/operations?parentId={parent}&limit=3");
        var second = await _desk.Get($"/operations?parentId={parent}&limit=3&cursor={Uri.EscapeDataString(first.Text("nextCursor"))}");
        Ids(first).Concat(Ids(second)).ShouldBe(children.AsEnumerable().Reverse());
        Ids(await _desk.Get($"/operations?parentId={parent}&status=completed")).ShouldBeEmpty();
        Ids(await _desk.Get($"/operations?parentId={Guid.NewGuid()}")).ShouldBeEmpty();
        Ids(await service.Desk().Get($"/operations?parentId={parent}")).ShouldBeEmpty();
        using var colleague = _desk.Client(user: Guid.NewGuid());
        Ids(await _desk.Get($"/operations?parentId={parent}", client: colleague)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_services_child_may_be_heard_of_before_its_parent()
    {
        var parent = _desk.Operation();
        var child = await _desk.Running(x => x with { ParentId = parent.OperationId });
        (await _desk.Get(child.OperationId)).GetProperty("parentId").GetGuid().ShouldBe(parent.OperationId);
        await _desk.Say(parent);
        (await _desk.Shows(parent.OperationId, x => x.Text("status") == "queued")).GetProperty("children").Number("inProgress").ShouldBe(1);
    }

    [Fact]
    public async Task A_parent_must_be_there_be_seen_and_not_have_ended()
    {
        (await Refused(Guid.NewGuid(), HttpStatusCode.NotFound)).ShouldBe("no-such-parent");
        (await Refused(await service.Desk().Post(), HttpStatusCode.NotFound)).ShouldBe("no-such-parent");
        var colleagues = (await _desk.Started(x => x with { UserId = Guid.NewGuid().ToString() })).OperationId;
        (await Refused(colleagues, HttpStatusCode.Forbidden)).ShouldBe("not-yours");
        (await Refused((await _desk.Ended()).OperationId, HttpStatusCode.Conflict)).ShouldBe("parent-closed");
        using var admin = _desk.Client("admin", Guid.NewGuid());
        await _desk.Done("/operations", Posting.Asked(("parentId", colleagues)), admin);
    }

    [Fact]
    public async Task The_same_child_again_is_answered_as_before_also_when_its_parent_has_ended()
    {
        var (parent, fence) = await _desk.Begun();
        var child = Posting.Asked(("parentId", parent), ("operationId", Guid.NewGuid()));
        await _desk.Done("/operations", child);
        await _desk.End((parent, fence));
        (await _desk.Done("/operations", child)).GetProperty("parentId").GetGuid().ShouldBe(parent);
        (await _desk.Refused("/operations", Posting.Asked(("operationId", child["operationId"]), ("parentId", null)), HttpStatusCode.Conflict)).ShouldBe("operation-exists");
    }

    [Fact]
    public async Task Operations_are_at_most_five_levels_deep()
    {
        Guid? parent = null;
        for (var level = 1; level <= 5; level++)
        {
            parent = await _desk.Post(("parentId", parent));
        }

        (await Refused(parent!.Value, HttpStatusCode.Conflict)).ShouldBe("too-deep");
    }

    [Fact]
    public async Task What_a_service_says_wrongly_of_parents_and_batches_stops_nobody()
    {
        var self = _desk.Operation();
        await _desk.Say(self with { ParentId = self.OperationId, Weight = -1 });
        (await _desk.Shows(self.OperationId, x => x.Text("status") == "queued")).IsNull("parentId").ShouldBeTrue();

        // Each the other's part: one of them is not.
        var one = _desk.Operation(change: x => x with { RollsUp = true, ExpectedChildren = -5, Weight = 1e300 });
        var other = _desk.Operation(change: x => x with { RollsUp = true, ExpectedChildren = 1, ParentId = one.OperationId, Plan = Board.Plan(Board.Policy()) });
        await _desk.Say(one with { ParentId = other.OperationId }, other);
        await _desk.EverythingIsHeard();
        var (first, second) = (await _desk.Get(one.OperationId), await _desk.Get(other.OperationId));
        (first.IsNull("parentId") ^ second.IsNull("parentId")).ShouldBeTrue();
        first.GetProperty("batch").IsNull("expectedChildren").ShouldBeTrue();
        (second.IsNull("approval"), second.Text("status")).ShouldBe((true, "queued"));
    }

    [Fact]
    public async Task Another_organisations_operation_is_no_child_whatever_it_names()
    {
        var batch = await _desk.Batch(("expectedChildren", 1));
        var other = service.Desk();
        await other.Ended(change: x => x with { ParentId = batch });
        await _desk.Begun(("parentId", batch));
        (await _desk.Shows(batch, x => !x.IsNull("children"))).GetProperty("children").Number("total").ShouldBe(1);
    }

    private static IEnumerable<Guid> Ids(JsonElement page) => page.GetProperty("items").EnumerateArray().Select(x => x.GetProperty("operationId").GetGuid());

    private Task<string> Refused(Guid parent, HttpStatusCode status) => _desk.Refused("/operations", Posting.Asked(("parentId", parent)), status);
}
