using System.Net;
using System.Text.Json;
using OpsPlatform.Contracts;

namespace OpsPlatform.OperationTracking.Tests;

public sealed class StepTreeTests(OperationsFixture service)
{
    /// <summary>Four leaves, of 20, 20, 40 and 20 percent.</summary>
    private static readonly OperationStep[] Tree =
        [new("Prepare", 2, Steps: [new("Read"), new("Check")]), new("Write", 3, Steps: [new("Lines", 2, Steps: [new("Store", 4)]), new("Totals")])];

    private readonly Desk _desk = service.Desk();

    [Fact]
    public void Leaves_are_named_by_their_way_and_weigh_their_share_of_the_whole()
    {
        OperationStep.Leaves(Tree).ShouldBe([new("Prepare / Read"), new("Prepare / Check"), new("Write / Lines / Store", 2), new("Write / Totals")]);
        OperationStep[] flat = [new("Read", 3), new("Write")];
        OperationStep.Leaves(flat).ShouldBe(flat);
    }

    [Fact]
    public async Task A_services_tree_is_shown_with_each_steps_share_and_how_far_it_is_by_what_was_heard_last()
    {
        var id = (await _desk.Started(x => x with { Steps = Tree })).OperationId;
        (await Lines(id)).ShouldBe(
        [
            "Prepare 40 waiting 0", " 1 Read 20 waiting 0", " 2 Check 20 waiting 0",
            "Write 60 waiting 0", " Lines 40 waiting 0", "  3 Store 40 waiting 0", " 4 Totals 20 waiting 0",
        ]);
        await _desk.Say(_desk.Report(id, 1, 1, 50, x => x with { Step = 3 }));
        var shown = await _desk.Shows(id, x => x.Number("currentStep") == 3);
        shown.Text("stepDescription").ShouldBe("Write / Lines / Store");
        shown.Number("totalSteps").ShouldBe(4);
        (await Lines(id)).ShouldBe(
        [
            "Prepare 40 done 100", " 1 Read 20 done 100", " 2 Check 20 done 100",
            "Write 60 in_progress 17", " Lines 40 in_progress 25", "  3 Store 40 in_progress 25", " 4 Totals 20 waiting 0",
        ]);
        await _desk.RowShows(id, "step_description = 'Write / Lines / Store'");
    }

    [Theory]
    [InlineData("failed", "failed", "failed")]
    [InlineData("timed_out", "failed", "failed")]
    [InlineData("cancelled", "cancelled", "cancelled")]
    [InlineData("completed", "done", "done")]
    public async Task Where_it_ended_says_how_and_what_comes_after_is_skipped(string outcome, string step, string above)
    {
        var operation = _desk.Operation(change: x => x with { Steps = Tree });
        await _desk.Say(_desk.End(operation, outcome, _desk.Report(operation.OperationId, 1, 1, 30, x => x with { Step = 2 })));
        await _desk.Shows(operation.OperationId, x => x.Text("status") == outcome);
        var done = outcome == "completed" ? 100 : 50;
        (await Lines(operation.OperationId)).ShouldBe(
        [
            $"Prepare 40 {above} {(100 + done) / 2}", " 1 Read 20 done 100", $" 2 Check 20 {step} {done}",
            "Write 60 skipped 0", " Lines 40 skipped 0", "  3 Store 40 skipped 0", " 4 Totals 20 skipped 0",
        ]);
    }

    [Fact]
    public async Task A_caller_goes_through_the_leaves_of_a_posted_tree()
    {
        var (id, fence) = await _desk.Begun(("steps", Tree));
        (await _desk.Get(id)).Text("stepDescription").ShouldBe("Prepare / Read");
        await _desk.Done($"/operations/{id}/reports", new { fence, step = 3, done = 1, total = 4 });
        (await _desk.Get(id)).Number("progressPercentage").ShouldBe(50, 0.001);
        (await Lines(id))[5].ShouldBe("  3 Store 40 in_progress 25");
        (await _desk.Refused($"/operations/{id}/reports", new { fence, step = 5 }, HttpStatusCode.BadRequest)).ShouldBe("no-such-step");
        await _desk.Done($"/operations/{id}/end", new { fence, outcome = "completed", last = new { fence, step = 4, done = 1 } });
        (await Lines(id)).ShouldAllBe(line => line.EndsWith(" done 100"));
    }

    [Fact]
    public async Task Steps_without_parts_and_rows_from_before_there_were_trees_are_shown_too()
    {
        var id = (await _desk.Running()).OperationId;
        (await Lines(id)).ShouldBe(["1 Read 75 in_progress 13", "2 Write 25 waiting 0"]);
        await _desk.RowShows(id, "step_tree IS NULL AND steps = '[{\"name\": \"Read\", \"weight\": 3}, {\"name\": \"Write\", \"weight\": 1}]'");
    }

    public static TheoryData<string, string> Malformed => new()
    {
        { "[]", "steps" },
        { """[{"name": "a", "steps": []}]""", "steps[0].steps" },
        { """[{"name": "a", "steps": [null]}]""", "steps[0].steps[0]" },
        { """[{"name": "a"}, {"name": "b", "steps": [{"name": ""}]}]""", "steps[1].steps[0]" },
        { """[{"name": "a", "steps": [{"name": "b", "weight": 0}]}]""", "steps[0].steps[0]" },
        { """[{"name": "a", "steps": [{"name": "b", "weight": 1000001}]}]""", "steps[0].steps[0]" },
        { Deep(6), "steps[0].steps[0].steps[0].steps[0].steps[0].steps" },
        { Deep(5, "\"n\\u0000\""), "steps[0].steps[0].steps[0].steps[0].steps[0]" },
        { $$"""[{"name": "a", "steps": [{{string.Join(',', Enumerable.Repeat("""{"name": "b"}""", 201))}}]}]""", "steps" },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public async Task A_callers_malformed_tree_is_refused_with_the_place(string steps, string place)
    {
        var (status, problem, _) = await _desk.Send("/operations", Posting.Asked(("steps", JsonElement.Parse(steps)), ("validateOnly", true)));
        status.ShouldBe(HttpStatusCode.BadRequest, problem.ToString());
        problem.GetProperty("errors").EnumerateObject().Select(x => x.Name).ShouldContain(place, problem.ToString());
    }

    [Fact]
    public async Task As_deep_and_as_long_as_promised_a_tree_is_taken()
    {
        await _desk.Post(("steps", JsonElement.Parse(Deep(5))));
        var id = await _desk.Post(("steps", new[] { new OperationStep("All", 1, Steps: [.. Enumerable.Range(1, 200).Select(n => new OperationStep($"{n}"))]) }));
        (await Lines(id))[^1].ShouldBe(" 200 200 0 waiting 0");
    }

    [Fact]
    public async Task A_services_malformed_tree_is_cut_to_what_can_be_shown_and_stops_nobody()
    {
        var id = (await _desk.Started(x => x with
        {
            Steps =
            [
                null!, new(null!, -1, Steps: []), new("Nothing", 1e300, Steps: [null!]), new("Seven", 1e-300, Steps: [new("2", 1, Steps: [new("3", 1, Steps: [new("4", 1, Steps: [new("5", 1, Steps: [new("6", 1, Steps: [new("7")])])])])])]),
                new("Many", 1, Steps: [.. Enumerable.Range(1, 300).Select(n => new OperationStep($"{n}", double.Epsilon))]),
            ],
        })).OperationId;
        await _desk.Say(_desk.Report(id, 1, 1, 50, x => x with { Step = 200 }));
        await _desk.Shows(id, x => x.Number("currentStep") == 200 && x.Text("stepDescription") == "Many / 197");
        var lines = await Lines(id);
        lines.Length.ShouldBe(2 + 5 + 1 + 197);
        lines[^1].ShouldStartWith(" 200 197");
        var none = (await _desk.Started(x => x with { Steps = null! })).OperationId;
        (await Lines(none)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Nobody_else_reads_the_steps()
    {
        var id = (await _desk.Started()).OperationId;
        using var colleague = _desk.Client(user: Guid.NewGuid());
        (await _desk.Get($"/operations/{id}/steps", HttpStatusCode.Forbidden, colleague)).Problem().ShouldBe("not-yours");
        await service.Desk().Get($"/operations/{id}/steps", HttpStatusCode.NotFound);
        using var admin = _desk.Client("admin", Guid.NewGuid());
        await _desk.Get($"/operations/{id}/steps", client: admin);
    }

    private static string Deep(int levels, string name = "\"n\"") => levels == 1 ? $$"""[{"name": {{name}}}]""" : $$"""[{"name": "n", "steps": {{Deep(levels - 1, name)}}}]""";

    /// <summary>A line for each step, deeper by its level: number, name, share, status and percent, both whole.</summary>
    private async Task<string[]> Lines(Guid id) => [.. Lines((await _desk.Get($"/operations/{id}/steps")).GetProperty("items"), "")];

    private static IEnumerable<string> Lines(JsonElement steps, string indent) => steps.EnumerateArray().SelectMany(step =>
    {
        var number = step.IsNull("number") ? "" : $"{step.Number("number")} ";
        var line = $"{indent}{number}{step.Text("name")} {Math.Round(step.Number("share"))} {step.Text("status")} {Math.Round(step.Number("progressPercentage"))}";
        return (string[])[line, .. step.IsNull("steps") ? [] : Lines(step.GetProperty("steps"), $"{indent} ")];
    });
}
