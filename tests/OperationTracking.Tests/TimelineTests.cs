namespace OpsPlatform.OperationTracking.Tests;

public sealed class TimelineTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task It_says_who_did_what_when_and_why()
    {
        var operation = await _desk.Running();
        var id = operation.OperationId;
        await _desk.Cancel(id, "Wrong month.");
        await _desk.Say(_desk.End(operation, "cancelled"));
        await _desk.Shows(id, x => x.Text("status") == "cancelled");
        var items = (await _desk.Get($"/operations/{id}/timeline")).GetProperty("items").EnumerateArray().ToArray();
        items.Select(x => (x.Text("event"), x.Text("actor"))).ShouldBe(
            [("started", "test"), ("attempt_began", "orders"), ("cancel_asked", _desk.User.ToString()), ("cancelled", _desk.User.ToString())]);
        items.Select(x => x.Number("position")).ShouldBe([1, 2, 3, 4]);
        items[0].GetProperty("at").GetDateTimeOffset().ShouldBe(_desk.At(0));
        items[1].GetProperty("at").GetDateTimeOffset().ShouldBe(_desk.At(2));
        items[1].GetProperty("details").Number("attempt").ShouldBe(1);
        items[2].Text("reason").ShouldBe("Wrong month.");
        items.ShouldAllBe(x => x.Text("hash").Length == 64 && x.GetProperty("correlationId").GetGuid() != Guid.Empty);
    }

    [Fact]
    public async Task It_is_read_page_by_page()
    {
        var id = (await _desk.Ended()).OperationId;
        var first = await _desk.Get($"/operations/{id}/timeline?limit=2");
        var second = await _desk.Get($"/operations/{id}/timeline?limit=2&cursor={first.Text("nextCursor")}");
        first.GetProperty("items").GetArrayLength().ShouldBe(2);
        second.GetProperty("items")[0].Text("event").ShouldBe("completed");
        second.IsNull("nextCursor").ShouldBeTrue();
    }

    [Fact]
    public async Task Many_at_once_get_positions_without_holes()
    {
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ =>
        {
            var operation = await _desk.Running();
            await _desk.Cancel(operation.OperationId);
            await _desk.Say(_desk.End(operation, "cancelled"));
            await _desk.Shows(operation.OperationId, x => x.Text("status") == "cancelled");
        }));
        (await _desk.Sql<long>("SELECT count(*) FROM timeline")).ShouldBe(80);
        (await _desk.Sql<long>("SELECT max(position) FROM timeline")).ShouldBe(80);
        using var admin = _desk.Client("admin");
        (await _desk.Get("/operations/audit", client: admin)).GetProperty("isIntact").GetBoolean().ShouldBeTrue();
    }
}
