using System.Net;
using System.Text;
using System.Text.Json;
using Npgsql;
using OpsPlatform.Testing;

namespace OpsPlatform.OperationTracking.Tests;

public sealed class MetadataTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task It_is_merged_member_by_member_and_null_takes_one_away()
    {
        var (id, fence) = await _desk.Begun();
        (await Metadata(id)).ToString().ShouldBe("{}");
        await Report(id, fence, """{"a":1,"b":{"x":1},"c":"stays"}""");
        (await Metadata(id)).GetProperty("b").Number("x").ShouldBe(1);
        await Report(id, fence, """{"a":null,"b":{"y":2},"d":null}""");
        await Stored(id, """{"b":{"y":2},"c":"stays"}""");
        await Report(id, fence, """{"c":null,"a":2}""");
        JsonElement.DeepEquals(await Metadata(id), JsonElement.Parse("""{"a":2,"b":{"y":2}}""")).ShouldBeTrue();
        await Stored(id, """{"a":2,"b":{"y":2}}""");

        await Report(id, fence, """{"last":true}""");
        await _desk.Done($"/operations/{id}/end", new { fence, outcome = "completed" });
        (await Metadata(id)).GetProperty("last").GetBoolean().ShouldBeTrue();
        await Stored(id, """{"a":2,"b":{"y":2},"last":true}""");
    }

    [Fact]
    public async Task Hundreds_of_reports_are_a_handful_of_writes()
    {
        var (id, fence) = await _desk.Begun();
        using var client = _desk.Client();
        var (writes, seconds) = await _desk.Writes("operation_metadata", "operation_id", id, async () =>
        {
            for (var n = 1; n <= 300; n++)
            {
                await _desk.Done($"/operations/{id}/reports", new { fence, metadata = new Dictionary<string, int> { [$"k{n % 10}"] = n } }, client);
            }

            await Eventually.Is(async () => await _desk.Sql<long>($"SELECT count(*) FROM operation_metadata WHERE operation_id = '{id}' AND metadata ->> 'k0' = '300'") == 1);
        });
        // The first write is an empty row and what goes into it.
        writes.ShouldBeInRange(2, (long)seconds + 3);
        (await Metadata(id)).EnumerateObject().Count().ShouldBe(10);
    }

    [Fact]
    public async Task There_is_so_much_of_it_and_what_is_refused_leaves_it_as_it_was()
    {
        var (id, fence) = await _desk.Begun();
        await Report(id, fence, $$"""{"a":"{{new string('x', 200_000)}}"}""");
        var (status, problem, _) = await _desk.Send($"/operations/{id}/reports", new { fence, done = 7, metadata = new { b = new string('y', 100_000) } });
        status.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
        problem.Problem().ShouldBe("metadata-too-large");
        problem.Text("detail").ShouldContain("262144");
        (await _desk.Get(id)).GetProperty("counters").Number("done").ShouldBe(0);
        (await Metadata(id)).EnumerateObject().Count().ShouldBe(1);
        // In place of what is there it fits.
        await Report(id, fence, $$"""{"a":null,"b":"{{new string('y', 200_000)}}"}""");
        await Eventually.Is(async () => await _desk.Sql<long>($"SELECT count(*) FROM operation_metadata WHERE operation_id = '{id}' AND metadata ? 'b' AND NOT metadata ? 'a'") == 1);
        await _desk.Refused($"/operations/{id}/reports", new { fence, metadata = new { c = new string('z', 200_000) } }, HttpStatusCode.RequestEntityTooLarge);
    }

    [Fact]
    public async Task What_is_being_written_counts_already()
    {
        var (id, fence) = await _desk.Begun();
        await Report(id, fence, """{"first":true}""");
        await Stored(id, """{"first":true}""");
        await using var session = await service.OpenAs("app", _desk.Org);
        await using var transaction = await session.BeginTransactionAsync();
        await using var hold = new NpgsqlCommand($"SELECT FROM operation_metadata WHERE operation_id = '{id}' FOR UPDATE", session);
        await hold.ExecuteNonQueryAsync();
        await Report(id, fence, $$"""{"a":"{{new string('x', 200_000)}}"}""");
        await Eventually.Is(() => _desk.IsWaitedFor(session));
        (await Metadata(id)).Text("a").Length.ShouldBe(200_000);
        await _desk.Refused($"/operations/{id}/reports", new { fence, metadata = new { b = new string('y', 100_000) } }, HttpStatusCode.RequestEntityTooLarge);
        await Report(id, fence, """{"last":true}""");
        await transaction.CommitAsync();
        await Eventually.Is(async () => await _desk.Sql<long>($"SELECT count(*) FROM operation_metadata WHERE operation_id = '{id}' AND metadata ?& '{{a,first,last}}'") == 1);
    }

    [Fact]
    public async Task What_was_taken_is_missing_at_no_moment_while_it_is_written() => await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
    {
        using var client = _desk.Client();
        for (var round = 0; round < 10; round++)
        {
            var (id, fence) = await _desk.Begun();
            await Report(id, fence, """{"taken":true}""");
            for (var stored = Stored(id, """{"taken":true}"""); !stored.IsCompleted;)
            {
                (await _desk.Get($"/operations/{id}/metadata", client: client)).ToString().ShouldBe("""{"taken":true}""");
            }
        }
    }));

    [Fact]
    public async Task Of_two_at_once_that_are_too_large_together_one_is_taken_and_the_other_refused()
    {
        List<(Guid Id, string Taken)> rounds = [];
        for (var round = 0; round < 20; round++)
        {
            var (id, fence) = await _desk.Begun();
            var answers = await Task.WhenAll(new[] { "a", "b" }.Select(async name =>
                (Name: name, (await _desk.Send($"/operations/{id}/reports", new { fence, metadata = new Dictionary<string, string> { [name] = new('x', 150_000) } })).Status)));
            answers.Select(x => x.Status).ShouldBe([HttpStatusCode.OK, HttpStatusCode.RequestEntityTooLarge], ignoreOrder: true, $"round {round}");
            rounds.Add((id, answers.Single(x => x.Status == HttpStatusCode.OK).Name));
        }

        foreach (var (id, taken) in rounds)
        {
            await Eventually.Is(async () => await _desk.Sql<long>($"SELECT count(*) FROM operation_metadata WHERE operation_id = '{id}' AND metadata ? '{taken}'") == 1);
            (await Metadata(id)).EnumerateObject().Select(x => x.Name).ShouldBe([taken]);
        }
    }

    [Fact]
    public async Task An_attempt_that_is_over_writes_none()
    {
        var (id, fence) = await _desk.Begun();
        await _desk.Begin(id, force: true);
        (await _desk.Refused($"/operations/{id}/reports", new { fence, metadata = new { late = true } }, HttpStatusCode.Conflict)).ShouldBe("lease-lost");
        (await Metadata(id)).ToString().ShouldBe("{}");
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("\"text\"")]
    [InlineData("{\"a\":\"\\u0000\"}")]
    [InlineData("{\"a\":\"\\ud800\"}")]
    [InlineData("{\"a\":1e999999}")]
    [InlineData("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}}}")]
    public async Task What_cannot_be_kept_is_refused(string metadata)
    {
        var (id, fence) = await _desk.Begun();
        using var body = new StringContent($$"""{"fence":{{fence}},"metadata":{{metadata}}}""", Encoding.UTF8, "application/json");
        (await _desk.Send($"/operations/{id}/reports", body)).Status.ShouldBe(HttpStatusCode.BadRequest);
        (await Metadata(id)).ToString().ShouldBe("{}");
    }

    [Fact]
    public async Task It_is_shown_to_who_sees_the_operation()
    {
        var (id, _) = await _desk.Begun();
        using var colleague = _desk.Client("staff", Guid.NewGuid());
        (await _desk.Get($"/operations/{id}/metadata", HttpStatusCode.Forbidden, colleague)).Problem().ShouldBe("not-yours");
        using var stranger = service.Client(Guid.NewGuid());
        await _desk.Get($"/operations/{id}/metadata", HttpStatusCode.NotFound, stranger);
        using var admin = _desk.Client("admin", Guid.NewGuid());
        await _desk.Get($"/operations/{id}/metadata", client: admin);
    }

    private Task<JsonElement> Metadata(Guid id) => _desk.Get($"/operations/{id}/metadata");

    private Task<JsonElement> Report(Guid id, long fence, string metadata) => _desk.Done($"/operations/{id}/reports", JsonElement.Parse($$"""{"fence":{{fence}},"metadata":{{metadata}}}"""));

    private Task Stored(Guid id, string metadata) =>
        Eventually.Is(async () => await _desk.Sql<long>($"SELECT count(*) FROM operation_metadata WHERE operation_id = '{id}' AND metadata = '{metadata}'") == 1);
}
