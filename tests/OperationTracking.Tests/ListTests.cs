using System.Net;
using System.Text.Json;

namespace OpsPlatform.OperationTracking.Tests;

public sealed class ListTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Theory]
    [InlineData("", "a,b,c,d")]
    [InlineData("status=completed", "d")]
    [InlineData("status=queued", "a,b,c")]
    [InlineData("operationType=sync.load", "b")]
    [InlineData("entityType=ingredient", "c")]
    [InlineData("entityType=report&entityId=r-1", "a,b,d")]
    [InlineData("tag=yearly", "b,c")]
    [InlineData("tag=yearly&status=completed", "")]
    [InlineData("tag=nothing", "")]
    [InlineData("text=100%25%20of", "a")]
    [InlineData("text=LOAD", "b")]
    [InlineData("text=_", "")]
    [InlineData("mine=true", "a,b,c,d")]
    public async Task A_list_shows_what_was_asked_for_the_latest_first(string query, string expected)
    {
        await Fill();
        (await Names($"/operations?{query}")).ShouldBe(expected);
    }

    [Fact]
    public async Task A_list_of_a_time_has_its_beginning_and_not_its_end()
    {
        await Fill();
        (await Names($"/operations?from={Moment(1)}&to={Moment(3)}")).ShouldBe("b,c");
        (await Names($"/operations?tag=yearly&from={Moment(1)}&to={Moment(2)}")).ShouldBe("c");
    }

    [Theory]
    [InlineData("")]
    [InlineData("&tag=monthly")]
    [InlineData("&mine=true")]
    public async Task Pages_hold_everything_once(string filter)
    {
        for (var i = 0; i < 5; i++)
        {
            await _desk.Say(_desk.Operation(change: x => x with { DisplayName = $"{i}", QueuedAt = _desk.At(i / 2) }));
        }

        await _desk.EverythingIsHeard();
        List<string> seen = [];
        var page = await _desk.Get($"/operations?limit=2{filter}");
        seen.AddRange(Shown(page));
        while (page.GetProperty("nextCursor").GetString() is { } cursor)
        {
            page = await _desk.Get($"/operations?limit=2{filter}&cursor={cursor}");
            seen.AddRange(Shown(page));
        }

        seen.Where(name => name.Length == 1).Order().ShouldBe(["0", "1", "2", "3", "4"]);
        seen.Distinct().Count().ShouldBe(seen.Count);

        static IEnumerable<string> Shown(JsonElement page) => page.GetProperty("items").EnumerateArray().Select(x => x.Text("displayName"));
    }

    [Theory]
    [InlineData("status=done")]
    [InlineData("limit=0")]
    [InlineData("from=yesterday")]
    [InlineData("cursor=x")]
    public async Task What_cannot_be_read_is_refused(string query) => await _desk.Get($"/operations?{query}", HttpStatusCode.BadRequest);

    [Fact]
    public async Task A_state_there_is_not_is_answered_with_those_there_are() =>
        (await _desk.Get("/operations?status=done", HttpStatusCode.BadRequest)).Text("detail").ShouldBe(
            "'done' is not one of queued, waiting_for_approval, approved, in_progress, waiting_external, cancelling, completed, failed, denied, cancelled, expired, timed_out.");

    [Theory]
    [InlineData("context.aisle=7&operationType=shop.count", 2)]
    [InlineData("context.aisle=7&context.name=north&operationType=shop.count", 1)]
    [InlineData("context.aisle=7&entityType=shop&entityId=s-1", 1)]
    [InlineData("context.open=true&operationType=shop.count", 1)]
    [InlineData("context.name=nor&operationType=shop.count", 0)]
    [InlineData("context.aisle=1e999&operationType=shop.count", 0)]
    [InlineData("context.aisle=7%22%7D&operationType=shop.count", 0)]
    [InlineData("context.a%22:1,%22b=7&operationType=shop.count", 0)]
    public async Task They_are_found_by_members_of_their_context(string query, int found)
    {
        await _desk.Post(("context", new { aisle = 7, name = "north", open = true }), ("entityType", "shop"), ("entityId", "s-1"));
        await _desk.Post(("context", new { aisle = "7" }));
        await _desk.Post(("context", new { aisle = 8, deep = new { aisle = 7 } }));
        await _desk.Post();
        (await _desk.Get($"/operations?{query}")).GetProperty("items").GetArrayLength().ShouldBe(found);
    }

    [Theory]
    [InlineData("context.aisle=7")]
    [InlineData("context.aisle=7&entityType=shop")]
    [InlineData("context.a=1&context.b=1&context.c=1&context.c=2&operationType=shop.count")]
    public async Task By_its_context_alone_nothing_is_looked_for(string query) =>
        (await _desk.Get($"/operations?{query}", HttpStatusCode.BadRequest)).Text("detail").ShouldStartWith("context: ");

    [Fact]
    public async Task A_member_sees_their_own_an_admin_all_of_the_organisation_and_nobody_anothers()
    {
        await Fill();
        var colleague = Guid.NewGuid();
        await _desk.Started(x => x with { DisplayName = "e", UserId = colleague.ToString(), QueuedAt = _desk.At(-9) });
        (await Names("/operations")).ShouldBe("a,b,c,d");
        (await Names($"/operations?user={colleague}")).ShouldBe("");
        using var other = _desk.Client("staff", colleague);
        (await Names("/operations", other)).ShouldBe("e");
        using var admin = _desk.Client("admin", Guid.NewGuid());
        (await Names("/operations", admin)).ShouldBe("a,b,c,d,e");
        (await Names($"/operations?user={colleague}", admin)).ShouldBe("e");
        (await Names("/operations?mine=true", admin)).ShouldBe("");
        using var stranger = service.Client(Guid.NewGuid(), "owner", _desk.User);
        (await Names("/operations", stranger)).ShouldBe("");
    }

    [Theory]
    [InlineData("")]
    [InlineData("/status")]
    [InlineData("/wait?seconds=0")]
    [InlineData("/events")]
    [InlineData("/timeline")]
    public async Task One_operation_is_its_users_and_the_admins_whichever_way_it_is_asked_for(string way)
    {
        var id = (await _desk.Ended()).OperationId;
        using var colleague = _desk.Client("staff", Guid.NewGuid());
        (await _desk.Get($"/operations/{id}{way}", HttpStatusCode.Forbidden, colleague)).Problem().ShouldBe("not-yours");
        using var stranger = service.Client(Guid.NewGuid(), "owner", _desk.User);
        await _desk.Get($"/operations/{id}{way}", HttpStatusCode.NotFound, stranger);
        foreach (var role in (string[])["admin", "owner"])
        {
            using var above = _desk.Client(role, Guid.NewGuid());
            using var answer = await above.GetAsync($"/operations/{id}{way}");
            answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        }
    }

    /// <summary>From the latest to the oldest a to d; d has ended.</summary>
    private async Task Fill()
    {
        await _desk.Started(x => x with { DisplayName = "a 100% of", QueuedAt = _desk.At(3) });
        await _desk.Started(x => x with { DisplayName = "b loads", OperationType = "sync.load", QueuedAt = _desk.At(2), Tags = ["yearly", "monthly"] });
        await _desk.Started(x => x with { DisplayName = "c", EntityType = "ingredient", EntityId = "i-1", QueuedAt = _desk.At(1), Tags = ["yearly"] });
        await _desk.Ended(change: x => x with { DisplayName = "d" });
    }

    private string Moment(double seconds) => Uri.EscapeDataString($"{_desk.At(seconds):yyyy-MM-ddTHH:mm:ss.fffZ}");

    private async Task<string> Names(string path, HttpClient? client = null) => string.Join(',', (await _desk.Get(path, client: client)).GetProperty("items").EnumerateArray()
        .Select(x => x.Text("displayName")[..1]));
}
