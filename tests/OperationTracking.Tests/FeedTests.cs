using System.Diagnostics;
using System.Net;
using System.Text.Json;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>All operations of an organisation, as those who may see them follow them.</summary>
public sealed class FeedTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task A_stream_begins_with_what_is_under_way_and_tells_what_becomes_of_all()
    {
        var (before, over) = (await _desk.Running(), await _desk.Ended());
        using var stream = await SseClient.Open(_desk.Client(), "/operations/feed");
        (await stream.Next())!.Data.Text("operationId").ShouldBe(before.OperationId.ToString());

        await _desk.Say(_desk.Report(before.OperationId, 1, 2, 42));
        await stream.Until(before.OperationId, x => x.Number("progressPercentage") == 42);
        var later = await _desk.Started();
        await stream.Until(later.OperationId, x => x.Text("status") == "queued");
        await _desk.Say(_desk.End(before), _desk.End(later, "failed"));
        await stream.Until((before.OperationId, "completed"), (later.OperationId, "failed"));
        over.OperationId.ShouldNotBe(before.OperationId);
    }

    [Fact]
    public async Task A_reader_that_comes_again_is_told_what_it_missed_and_of_what_is_over_as_well()
    {
        var (one, other) = (await _desk.Running(), await _desk.Running());
        string position;
        using (var stream = await SseClient.Open(_desk.Client(), "/operations/feed"))
        {
            position = (await stream.Next())!.Id!;
        }

        await _desk.Say(_desk.End(one));
        await _desk.Shows(one.OperationId, x => x.Text("status") == "completed");

        using var again = await SseClient.Open(_desk.Client(), "/operations/feed", position);
        var missed = (await again.Next())!;
        (missed.Data.Text("operationId"), missed.Data.Text("status")).ShouldBe((one.OperationId.ToString(), "completed"));
        await _desk.Say(_desk.End(other));
        await again.Until((other.OperationId, "completed"));
    }

    [Fact]
    public async Task A_page_waits_for_its_first_entry_and_the_next_one_goes_on_from_there()
    {
        var first = await _desk.Started();
        var page = await _desk.Get("/operations/feed");
        page.GetProperty("items").EnumerateArray().Single().Text("operationId").ShouldBe(first.OperationId.ToString());
        (await Page(page, wait: 0)).GetProperty("items").GetArrayLength().ShouldBe(0);

        var waiting = Page(page, wait: 20);
        var second = await _desk.Started();
        var next = await waiting;
        next.GetProperty("items").EnumerateArray().Single().Text("operationId").ShouldBe(second.OperationId.ToString());
        next.GetProperty("position").GetInt64().ShouldBeGreaterThan(page.GetProperty("position").GetInt64());
        var since = Stopwatch.GetTimestamp();
        (await Page(next, wait: 1)).GetProperty("position").GetInt64().ShouldBe(next.GetProperty("position").GetInt64());
        Stopwatch.GetElapsedTime(since).TotalSeconds.ShouldBeInRange(0.9, 10);
    }

    [Fact]
    public async Task A_tag_or_a_type_picks_out_some()
    {
        await _desk.Started(x => x with { Tags = ["other"], OperationType = "a.b" });
        var wanted = await _desk.Started(x => x with { Tags = ["mine", "more"], OperationType = "c.d" });
        foreach (var query in new[] { "tag=mine", "operationType=c.d", "tag=more&operationType=c.d" })
        {
            (await _desk.Get($"/operations/feed?{query}")).GetProperty("items").EnumerateArray().Single().Text("operationId").ShouldBe(wanted.OperationId.ToString());
            using var stream = await SseClient.Open(_desk.Client(), $"/operations/feed?{query}");
            (await stream.Next())!.Data.Text("operationId").ShouldBe(wanted.OperationId.ToString());
        }
    }

    [Fact]
    public async Task Others_operations_are_told_to_admins_alone_and_never_to_another_organisation()
    {
        var (elsewhere, own) = (service.Desk(), Guid.NewGuid());
        using var stranger = await SseClient.Open(elsewhere.Client("owner"), "/operations/feed");
        using var colleague = await SseClient.Open(_desk.Client("staff", own), "/operations/feed");
        using var admin = await SseClient.Open(_desk.Client("admin", Guid.NewGuid()), "/operations/feed");
        var operation = await _desk.Started();
        await admin.Until((operation.OperationId, "queued"));
        (await _desk.Get("/operations/feed", client: _desk.Client("staff", own))).GetProperty("items").GetArrayLength().ShouldBe(0);

        // The first that each of the others hears of is its own.
        var (theirs, strangers) = (await _desk.Started(x => x with { UserId = own.ToString() }), await elsewhere.Started());
        (await colleague.Next())!.Data.Text("operationId").ShouldBe(theirs.OperationId.ToString());
        (await stranger.Next())!.Data.Text("operationId").ShouldBe(strangers.OperationId.ToString());
    }

    [Fact]
    public async Task Who_is_too_far_behind_or_of_another_time_begins_anew()
    {
        var id = (await _desk.Started()).OperationId;
        await _desk.Get("/operations/feed?after=999999", HttpStatusCode.Gone);
        using (var stream = await SseClient.Open(_desk.Client(), "/operations/feed", "999999"))
        {
            (await stream.Next())!.Name.ShouldBe("reset");
        }

        await _desk.Execute($"SELECT tell_timeline((SELECT jsonb_agg(jsonb_build_object('operation_id', '{id}', 'at', now(), 'event', 'started', 'actor', 'x')) FROM generate_series(1, 501)))");
        (await _desk.Get("/operations/feed?after=1", HttpStatusCode.Gone)).Problem().ShouldBe("feed-reset");
        (await _desk.Get("/operations/feed?after=2")).GetProperty("items").GetArrayLength().ShouldBe(1);
        await _desk.Get("/operations/feed?after=-1", HttpStatusCode.BadRequest);
        await _desk.Get("/operations/feed?wait=31", HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task A_ticket_opens_one_stream_as_who_asked_for_it_and_nothing_else()
    {
        var operation = await _desk.Started();
        using var browser = new HttpClient { BaseAddress = service.Address };
        foreach (var path in new[] { "/operations/feed?", $"/operations/events?operationId={operation.OperationId}&", $"/operations/{operation.OperationId}/events?" })
        {
            var ticket = await Ticket();
            using (var stream = await SseClient.Open(new HttpClient { BaseAddress = service.Address }, $"{path}ticket={ticket}"))
            {
                (await stream.Next())!.Data.Text("operationId").ShouldBe(operation.OperationId.ToString());
            }

            (await _desk.Get($"{path}ticket={ticket}", HttpStatusCode.Unauthorized, browser)).Problem().ShouldBe("ticket-refused");
        }

        (await _desk.Get($"/operations?ticket={await Ticket()}", HttpStatusCode.Unauthorized, browser)).Problem().ShouldBe("unauthenticated");
        (await _desk.Get("/operations/feed", HttpStatusCode.Unauthorized, browser)).Problem().ShouldBe("unauthenticated");
        (await _desk.Get($"/operations/{operation.OperationId}/events?ticket={await Ticket(_desk.Client(user: Guid.NewGuid()))}", HttpStatusCode.Forbidden, browser)).Problem().ShouldBe("not-yours");
    }

    private async Task<string> Ticket(HttpClient? client = null)
    {
        using var own = client ?? _desk.Client();
        using var answer = await own.PostAsync("/operations/tickets", null);
        return JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.Text("ticket");
    }

    private Task<JsonElement> Page(JsonElement before, int wait) => _desk.Get($"/operations/feed?after={before.GetProperty("position").GetInt64()}&wait={wait}");
}
