using System.Text;

namespace OpsPlatform.Bench.Frame;

/// <summary>One benchmark's part of the results, in Markdown: the machine, each figure beside its limit and goal, a plot a figure, and where the time went.</summary>
internal sealed class Section(Session session)
{
    public const string Columns = "| figure | median | runs | limit in the same run | ratio | goal |\n|---|---:|---|---:|---:|---|\n";
    public const string Met = ": met";
    public const string Missed = ": **missed**";

    public override string ToString()
    {
        var text = new StringBuilder($"## {session.Benchmark.Name}\n\n{Capital(session.Benchmark.About)}.\n\n");
        text.Append($"{DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC, {session.RunCount} runs, medians. {Machine.Describe()}. {session.Durability}.\n");
        if (session.Failure is not null)
        {
            text.Append($"\n**Broken: {session.Failure}**\n");
        }

        if (session.Durability?.IsVoid == true)
        {
            text.Append("\n**Void: the database did not sync to disk.**\n");
        }

        text.Append('\n').Append(Columns);
        var figures = ByName(session).ToList();
        foreach (var figure in figures)
        {
            for (var i = 0; i < figure[0].Values.Count; i++)
            {
                Row(text, figure, i);
            }
        }

        var limits = figures.Select(figure => figure[0]).Where(figure => figure.LimitName is not null);
        text.Append(string.Concat(limits.Select(figure => $"\nLimit of *{figure.Name}*: {figure.LimitName}.\n")));
        if (!session.IsQuick)
        {
            text.Append('\n').AppendJoin("\n", figures.Select(figure => $"![{figure[0].Name}]({PlotOf(session, figure[0])})")).Append('\n');
        }

        foreach (var profile in session.Profiles.Values)
        {
            text.Append($"\n<details><summary>Where the time went in the last run: {profile.Phase}</summary>\n\n{profile}\n</details>\n");
        }

        return text.ToString();
    }

    /// <summary>The runs of each figure.</summary>
    public static IEnumerable<List<Figure>> ByName(Session session) =>
        session.Runs.SelectMany(run => run).GroupBy(figure => figure.Name).Select(group => group.ToList());

    /// <summary>Relative to the results.</summary>
    public static string PlotOf(Session session, Figure figure)
    {
        var name = string.Concat(figure.Name.ToLowerInvariant().Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '-'));
        while (name.Contains("--"))
        {
            name = name.Replace("--", "-");
        }

        return $"plots/{session.Benchmark.Name}-{name.Trim('-')}.svg";
    }

    private static void Row(StringBuilder text, List<Figure> runs, int value)
    {
        var name = $"{runs[0].Name} {runs[0].Values[value].Label}".Trim();
        var values = runs.Select(run => run.Values[value]).ToList();
        var median = Median(values.Select(run => run.Value));
        text.Append($"| {name} | {Number.Text(median)} {runs[0].Unit} | {string.Join(", ", values.Select(run => Number.Text(run.Value)))} | ");
        double? ratio = null;
        if (values[0].Limit is not null)
        {
            ratio = Median(values.Select(run => run.Value / run.Limit!.Value));
            text.Append($"{Number.Text(Median(values.Select(run => run.Limit!.Value)))} {runs[0].Unit} | {Number.Text(ratio.Value)} | ");
        }
        else
        {
            text.Append("| | ");
        }

        var goals = new List<string>();
        if (values[0].Goal is { } goal)
        {
            goals.Add($"{goal}{(goal.IsMet(values.Select(run => run.Value), median) ? Met : Missed)}");
        }

        if (runs[0].RatioGoal is { } wanted && ratio is { } reached)
        {
            goals.Add($"ratio {wanted}{(wanted.IsMet(reached) ? Met : Missed)}");
        }

        text.Append($"{string.Join("; ", goals)} |\n");
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];
}
