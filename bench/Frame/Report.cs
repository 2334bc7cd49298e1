using System.Text;

namespace OpsPlatform.Bench.Frame;

/// <summary>Writes bench/RESULTS.md: a section a benchmark, as soon as it is measured. Sections of benchmarks that do not run now stay as they were.</summary>
internal sealed class Report(Options options, IReadOnlyList<string> order)
{
    private const string Marker = "<!-- benchmark: ";
    private static readonly string Folder = Path.Combine(BenchSystem.RepositoryRoot, "bench");

    public void Add(Session session)
    {
        var section = Section(session);
        Console.WriteLine($"\n{section}");
        if (options.IsQuick)
        {
            Console.WriteLine("Quick: nothing is written, and no figure of it is worth keeping.");
        }
        else if (session.Failure is null && session.Durability?.IsVoid == false)
        {
            Write(session, section);
        }
    }

    private void Write(Session session, string section)
    {
        var file = Path.Combine(Folder, "RESULTS.md");
        var sections = Kept(file);
        sections[session.Benchmark.Name] = section;
        Directory.CreateDirectory(Path.Combine(Folder, "plots"));
        foreach (var figure in ByName(session))
        {
            File.WriteAllText(Path.Combine(Folder, PlotOf(session, figure[0])), Plot.Of(figure));
        }

        var text = new StringBuilder("# Results\n\nWritten by `./run bench`; [README.md](README.md) says what each figure means.\n");
        foreach (var name in order.Where(sections.ContainsKey))
        {
            text.Append($"\n{Marker}{name} -->\n{sections[name]}");
        }

        File.WriteAllText(file, text.ToString());
        Console.WriteLine($"Written to {file}");
    }

    private static string Section(Session session)
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

        text.Append("\n| figure | median | runs | limit in the same run | ratio | goal |\n|---|---:|---|---:|---:|---|\n");
        var figures = ByName(session).ToList();
        foreach (var figure in figures)
        {
            for (var i = 0; i < figure[0].Values.Count; i++)
            {
                Row(text, figure, i);
            }
        }

        var limits = figures.Select(figure => figure[0]).Where(figure => figure.LimitName is not null).ToList();
        text.Append(string.Concat(limits.Select(figure => $"\nLimit of *{figure.Name}*: {figure.LimitName}.\n")));
        if (session.Cpu.Count > 0)
        {
            text.Append("\nProcessor by process in the last run, percent of one core:\n\n");
            text.Append(string.Concat(session.Cpu.Select(phase => $"- {phase.Key}: {phase.Value}\n")));
        }

        foreach (var (phase, statements) in session.Sql)
        {
            text.Append($"\nSQL by statement, {phase}:\n\n{statements}");
        }

        if (!session.IsQuick)
        {
            text.Append('\n').AppendJoin("\n", figures.Select(figure => $"![{figure[0].Name}]({PlotOf(session, figure[0])})")).Append('\n');
        }

        return text.ToString();
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
            text.Append($"{Number.Text(Median(values.Select(run => run.Limit!.Value)))} | {Number.Text(ratio.Value)} | ");
        }
        else
        {
            text.Append("| | ");
        }

        var goals = new List<string>();
        if (values[0].Goal is { } goal)
        {
            goals.Add($"{goal}: {(goal.IsMet(median) ? "met" : "missed")}");
        }

        if (runs[0].RatioGoal is { } wanted && ratio is { } reached)
        {
            goals.Add($"ratio {wanted}: {(wanted.IsMet(reached) ? "met" : "missed")}");
        }

        text.Append($"{string.Join("; ", goals)} |\n");
    }

    private static IEnumerable<List<Figure>> ByName(Session session) =>
        session.Runs.SelectMany(run => run).GroupBy(figure => figure.Name).Select(group => group.ToList());

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }

    private static string PlotOf(Session session, Figure figure)
    {
        var name = string.Concat(figure.Name.ToLowerInvariant().Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '-'));
        while (name.Contains("--"))
        {
            name = name.Replace("--", "-");
        }

        return $"plots/{session.Benchmark.Name}-{name.Trim('-')}.svg";
    }

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];

    private static Dictionary<string, string> Kept(string file)
    {
        var sections = new Dictionary<string, string>();
        if (File.Exists(file))
        {
            foreach (var part in File.ReadAllText(file).Split(Marker)[1..])
            {
                var end = part.IndexOf(" -->\n", StringComparison.Ordinal);
                sections[part[..end]] = part[(end + 5)..].TrimEnd('\n') + "\n";
            }
        }

        return sections;
    }
}
