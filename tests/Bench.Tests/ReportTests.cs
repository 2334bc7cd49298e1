using OpsPlatform.Bench.Frame;

namespace OpsPlatform.Bench.Tests;

public sealed class ReportTests : IDisposable
{
    private static readonly string[] Names = ["first", "second", "third"];
    private readonly string _folder = Directory.CreateTempSubdirectory("ops-bench-").FullName;

    private string Results => Path.Combine(_folder, "RESULTS.md");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_benchmark_run_again_changes_its_own_section_and_keeps_the_others_in_their_order()
    {
        await Run("third", Of("speed", 31));
        await Run("first", Of("speed", 11));
        await Run("second", Of("speed", 21));
        var before = Sections();
        await Run("first", Of("speed", 12));
        var after = Sections();
        after.Keys.ShouldBe(Names);
        after["first"].ShouldContain("| speed | 12.0 orders/s |");
        after["first"].ShouldNotContain("11.0");
        after["second"].ShouldBe(before["second"]);
        after["third"].ShouldBe(before["third"]);
    }

    [Fact]
    public async Task A_figure_stands_beside_its_limit_and_goal_as_the_median_of_its_runs()
    {
        await Run("first", Of("speed", 10, Goal.AtLeast(30, aim: 60), 100, Goal.AtLeast(0.5)), Of("speed", 40, null, 50), Of("speed", 30, null, 60));
        Sections()["first"].ShouldContain("| speed | 30.0 orders/s | 10.0, 40.0, 30.0 | 60.0 orders/s | 0.500 | ≥ 30.0 (aim 60.0): met; ratio ≥ 0.500: met |");
    }

    [Fact]
    public async Task What_must_not_happen_at_all_is_missed_when_it_happened_in_one_run()
    {
        await Run("first", Of("lost", 0, Goal.AtMost(0)), Of("lost", 5), Of("lost", 0));
        Sections()["first"].ShouldContain("| lost | 0 orders/s | 0, 5.00, 0 | | | ≤ 0: **missed** |");
    }

    [Fact]
    public async Task All_that_has_a_goal_is_told_on_top_with_whether_it_was_met()
    {
        await Run("first", Of("speed", 10, Goal.AtLeast(11)));
        await Run("second", Of("wait", 5, Goal.AtMost(7)));
        await Run("third", Of("weight", 5));
        var top = File.ReadAllText(Results).Split("<!-- benchmark:")[0];
        top.ShouldContain("| [first](#first) | speed | 10.0 orders/s | 10.0 | | | ≥ 11.0: **missed** |\n");
        top.ShouldContain("| [second](#second) | wait | 5.00 orders/s | 5.00 | | | ≤ 7.00: met |\n");
        top.ShouldNotContain("weight");
    }

    [Fact]
    public async Task Each_figure_has_a_plot_and_one_that_is_measured_no_more_has_none()
    {
        await Run("first", Of("speed", 10), Of("wait of all", 3));
        await Run("second", Of("speed", 10));
        await Run("first", Of("speed", 10));
        Directory.GetFiles(Path.Combine(_folder, "plots")).Select(Path.GetFileName).Order().ShouldBe(["first-speed.svg", "second-speed.svg"]);
        Sections()["first"].ShouldContain("![speed](plots/first-speed.svg)");
    }

    [Fact]
    public async Task What_was_found_out_follows_its_section_once_and_as_it_is_written_now()
    {
        var notes = Path.Combine(Directory.CreateDirectory(Path.Combine(_folder, "notes")).FullName, "first.md");
        File.WriteAllText(notes, "Too slow, by the disk.\n");
        await Run("first", Of("speed", 10));
        await Run("second", Of("speed", 20));
        File.WriteAllText(notes, "Too slow, by the network.\n");
        await Run("second", Of("speed", 21));

        var sections = Sections();
        sections["first"].ShouldContain("### What was tried\n\nToo slow, by the network.\n");
        sections["first"].Split("### What was tried").Length.ShouldBe(2);
        sections["second"].ShouldNotContain("What was tried");
    }

    [Theory]
    [InlineData("broken")]
    [InlineData("void")]
    [InlineData("quick")]
    [InlineData("left out")]
    public async Task A_benchmark_that_is_no_measure_changes_no_result(string why)
    {
        await Run("first", Of("speed", 10));
        await Run("second", Of("speed", 10));
        var before = File.ReadAllText(Results);
        var session = await Measured("first", why == "quick", why != "void", [Of("speed", 99)]);
        if (why == "broken")
        {
            session.Fail(new InvalidOperationException("It broke."));
        }

        if (why == "left out")
        {
            session.Skip("There is nothing to measure.");
        }

        Report(why == "quick").Add(session);
        File.ReadAllText(Results).ShouldBe(before);
    }

    private static Figure Of(string name, double value, Goal? goal = null, double? limit = null, Goal? ratioGoal = null) =>
        Figure.Of(name, "orders/s", value, goal, limit is { } most ? new("the bare part", most) : null, ratioGoal);

    private static Options Settings(bool isQuick, int runs = 1) => new([], runs, 1, isQuick, "");

    private Report Report(bool isQuick) => new(Settings(isQuick), _folder, Names);

    /// <param name="figures">A run each, when they bear one name.</param>
    private async Task Run(string name, params Figure[] figures) => Report(false).Add(await Measured(name, false, true, figures));

    private static async Task<Session> Measured(string name, bool isQuick, bool isDurable, Figure[] figures)
    {
        var session = new Session(new Nothing(name), Settings(isQuick, figures.Length), CancellationToken.None);
        session.Note(new(isDurable ? "on" : "off", "on", "300", "15"));
        await session.Repeat(run =>
        {
            session.Record(figures[run]);
            return Task.CompletedTask;
        });
        return session;
    }

    /// <summary>By name, as they follow in the file.</summary>
    private Dictionary<string, string> Sections() => File.ReadAllText(Results).Split("<!-- benchmark: ")[1..]
        .Select(part => part.Split(" -->\n", 2)).ToDictionary(part => part[0], part => part[1]);

    private sealed class Nothing(string name) : IBenchmark
    {
        public string Name => name;

        public string About => "nothing";

        public Task Run(Session session) => Task.CompletedTask;
    }
}
