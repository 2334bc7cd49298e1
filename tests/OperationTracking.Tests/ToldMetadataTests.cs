using System.Text.Json;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>What services' workers say of operations beside progress.</summary>
public sealed class ToldMetadataTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task It_is_merged_member_by_member_shown_at_once_and_null_takes_one_away()
    {
        var operation = await _desk.Running();
        var id = operation.OperationId;
        await Say(id, 1, 2, """{"a":1,"b":{"x":1}}""");
        await Shows(id, """{"a":1,"b":{"x":1}}""");
        await Stored(id, """{"a":1,"b":{"x":1}}""");
        await Say(id, 1, 3, """{"a":null,"b":{"y":2},"c":"new"}""");
        await Shows(id, """{"b":{"y":2},"c":"new"}""");
        await Stored(id, """{"b":{"y":2},"c":"new"}""");
        // Reports that say nothing of it change nothing, another attempt's goes over it.
        await _desk.Say(_desk.Report(id, 1, 4, 50));
        await Say(id, 2, 1, """{"c":"newer"}""");
        await Stored(id, """{"b":{"y":2},"c":"newer"}""");
        await _desk.Say(_desk.End(operation, last: _desk.Report(id, 2, 2, 100, x => x with { Metadata = """{"c":"newest","d":4}""" })));
        await Stored(id, """{"b":{"y":2},"c":"newest","d":4}""");
        await Shows(id, """{"b":{"y":2},"c":"newest","d":4}""");
    }

    [Fact]
    public async Task What_was_shown_is_missing_at_no_moment_while_it_is_written() => await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
    {
        using var client = _desk.Client();
        for (var round = 0; round < 5; round++)
        {
            var id = (await _desk.Running()).OperationId;
            await Say(id, 1, 2, """{"told":true}""");
            await Shows(id, """{"told":true}""");
            for (var stored = Stored(id, """{"told":true}"""); !stored.IsCompleted;)
            {
                (await _desk.Get($"/operations/{id}/metadata", client: client)).ToString().ShouldBe("""{"told":true}""");
            }
        }
    }));

    [Fact]
    public async Task What_is_lost_repeated_or_overtaken_does_no_harm()
    {
        var id = (await _desk.Running()).OperationId;
        // Of three the first was lost; each tells all that the attempt has said.
        await Say(id, 1, 4, """{"a":2,"b":2,"gone":null}""");
        await Stored(id, """{"a":2,"b":2}""");
        await Say(id, 1, 3, """{"a":1,"gone":1}""");
        await Say(id, 1, 4, """{"a":3}""");
        await _desk.EverythingIsHeard();
        await Stored(id, """{"a":2,"b":2}""");
        // As another replica would write what it heard late, and what it alone heard although the row is further.
        await Write(_desk.Report(id, 1, 3, 20, x => x with { Metadata = """{"a":1,"gone":1}""" }));
        await Stored(id, """{"a":2,"b":2}""");
        await Write(_desk.Report(id, 1, 9, 30));
        await Write(_desk.Report(id, 1, 8, 25, x => x with { Metadata = """{"a":5}""" }));
        await Stored(id, """{"a":5,"b":2}""");
        await _desk.RowShows(id, "sequence = 9");
    }

    [Fact]
    public async Task A_report_that_overtakes_it_before_it_is_written_keeps_it()
    {
        var id = (await _desk.Running()).OperationId;
        await _desk.Say(_desk.Report(id, 1, 2, 20, x => x with { Metadata = """{"a":1}""" }), _desk.Report(id, 1, 3, 30));
        await Stored(id, """{"a":1}""");
    }

    [Fact]
    public async Task What_came_before_the_start_is_kept_and_after_the_end_nothing_is()
    {
        var operation = _desk.Operation();
        var id = operation.OperationId;
        await Say(id, 1, 1, """{"early":true}""");
        await _desk.Say(operation);
        await Stored(id, """{"early":true}""");
        await _desk.Say(_desk.End(operation));
        await _desk.Shows(id, x => x.Text("status") == "completed");
        await Say(id, 1, 9, """{"late":true}""");
        await _desk.EverythingIsHeard();
        await Stored(id, """{"early":true}""");
        await Write(_desk.Report(id, 1, 10, 10, x => x with { Metadata = """{"late":true}""" }));
        await Stored(id, """{"early":true}""");
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("\"text\"")]
    [InlineData("{\"a\":\"\\u0000\"}")]
    [InlineData("{\"a\":\"\\ud800\"}")]
    [InlineData("{\"a\":1e999999}")]
    [InlineData("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}}}")]
    [InlineData(null)]
    public async Task What_cannot_be_kept_is_left_out_and_the_report_counts(string? metadata)
    {
        var id = (await _desk.Running()).OperationId;
        await Say(id, 1, 2, """{"a":1}""");
        await Stored(id, """{"a":1}""");
        await Say(id, 1, 3, metadata ?? $$"""{"b":"{{new string('x', 262_144)}}"}""");
        await _desk.RowShows(id, "sequence = 3");
        await Stored(id, """{"a":1}""");
        // Together with what is there it would be too much.
        await Say(id, 1, 4, $$"""{"b":"{{new string('x', 262_130)}}"}""");
        await _desk.RowShows(id, "sequence = 4");
        await Say(id, 1, 5, """{"c":1}""");
        await Stored(id, """{"a":1,"c":1}""");
    }

    [Fact]
    public async Task What_is_too_large_with_what_is_kept_is_told_once_of_each_attempt()
    {
        var operation = await _desk.Running();
        var id = operation.OperationId;
        await Say(id, 1, 2, """{"a":1}""");
        await Stored(id, """{"a":1}""");
        await SayTooMuch(id, 1, 3);
        await _desk.RowShows(id, "sequence = 3");
        await SayTooMuch(id, 1, 4);
        await _desk.RowShows(id, "sequence = 4");
        (await _desk.Story(id)).ShouldBe(["started", "attempt_began", "metadata_refused"]);
        // What fits again is merged, and an attempt that says nothing too large is told nothing of.
        await Say(id, 2, 1, """{"c":1}""");
        await Stored(id, """{"a":1,"c":1}""");
        await SayTooMuch(id, 3, 1);
        await _desk.RowShows(id, "attempt = 3");
        // Another replica heard one of the attempts before late.
        await Write(TooMuch(id, 2, 2));
        await _desk.Say(_desk.End(operation, last: TooMuch(id, 3, 2)));
        await _desk.Shows(id, x => x.Text("status") == "completed");
        (await _desk.Story(id)).ShouldBe(["started", "attempt_began", "metadata_refused", "attempt_began", "attempt_began", "metadata_refused", "completed"]);
        await Stored(id, """{"a":1,"c":1}""");

        var told = (await _desk.Get($"/operations/{id}/timeline")).GetProperty("items").EnumerateArray().Where(x => x.Text("event") == "metadata_refused").ToArray();
        told.ShouldAllBe(x => x.Text("actor") == "orders" && x.GetProperty("details").Number("maxBytes") == 262_144);
        told.Select(x => (x.GetProperty("details").Number("attempt"), x.GetProperty("details").Number("bytes"))).ShouldBe([(1, 262_152), (3, 262_160)]);
        told[0].Text("reason").ShouldBe("It would have 262152 bytes with what is kept already, and may have 262144.");
    }

    [Fact]
    public async Task What_is_too_large_only_in_the_last_word_is_told_before_the_end()
    {
        var operation = await _desk.Running();
        await Say(operation.OperationId, 1, 2, """{"a":1}""");
        await Stored(operation.OperationId, """{"a":1}""");
        await _desk.Say(_desk.End(operation, last: TooMuch(operation.OperationId, 1, 3)));
        await _desk.Shows(operation.OperationId, x => x.Text("status") == "completed");
        (await _desk.Story(operation.OperationId)).ShouldBe(["started", "attempt_began", "metadata_refused", "completed"]);
    }

    private Task SayTooMuch(Guid id, int attempt, long sequence) => _desk.Say(TooMuch(id, attempt, sequence));

    /// <summary>By itself it could be kept.</summary>
    private OperationReported TooMuch(Guid id, int attempt, long sequence) =>
        _desk.Report(id, attempt, sequence, 20, x => x with { Metadata = $$"""{"b":"{{new string('x', 262_135)}}"}""" });

    private Task Say(Guid id, int attempt, long sequence, string metadata) => _desk.Say(_desk.Report(id, attempt, sequence, 20, x => x with { Metadata = metadata }));

    private Task<JsonElement> Shows(Guid id, string metadata) =>
        Eventually.Is(() => _desk.Get($"/operations/{id}/metadata"), shown => JsonElement.DeepEquals(shown, JsonElement.Parse(metadata)));

    private Task Stored(Guid id, string metadata) =>
        Eventually.Is(async () => await _desk.Sql<long>($"SELECT count(*) FROM operation_metadata WHERE operation_id = '{id}' AND metadata = '{metadata}'") == 1);

    private Task Write(OperationReported report) =>
        _desk.Execute($"SELECT FROM hear_reports($json${Reports.ReportRows.Json([Reports.Heard.Of(report, Guid.NewGuid())])}$json$::jsonb)");
}
