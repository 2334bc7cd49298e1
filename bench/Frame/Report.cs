using System.Text;

namespace OpsPlatform.Bench.Frame;

/// <summary>
/// Writes RESULTS.md: a section a benchmark, as soon as it is measured, under a table of all that has a goal. Sections of
/// benchmarks that do not run now stay as they were. What people found out about a benchmark is in notes/NAME.md and follows its section.
/// </summary>
/// <param name="folder">Where the results and their plots stand.</param>
/// <param name="order">All benchmarks by name.</param>
internal sealed class Report(Options options, string folder, IReadOnlyList<string> order)
{
    private const string Marker = "<!-- benchmark: ";
    private const string MarkerEnd = " -->\n";
    private const string NotesMarker = "<!-- notes -->\n";

    public void Add(Session session)
    {
        if (session.Skipped is not null)
        {
            return;
        }

        var section = new Section(session).ToString();
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
        var file = Path.Combine(folder, "RESULTS.md");
        var sections = Kept(file);
        sections[session.Benchmark.Name] = section;
        WritePlots(session);
        var names = order.Where(sections.ContainsKey).ToList();
        var text = new StringBuilder("# Results\n\nWritten by `./run bench`; [README.md](README.md) says what each figure means.\n\n## Goals\n\n");
        text.Append($"| benchmark {Section.Columns[..Section.Columns.IndexOf('\n')]}\n|---{Section.Columns[(Section.Columns.IndexOf('\n') + 1)..]}");
        foreach (var name in names)
        {
            text.Append(string.Concat(GoalsOf(sections[name]).Select(row => $"| [{name}](#{name}) {row}\n")));
        }

        text.Append(string.Concat(names.Select(name => $"\n{Marker}{name}{MarkerEnd}{sections[name]}{Notes(name)}")));
        File.WriteAllText(file, text.ToString());
        Console.WriteLine($"Written to {file}");
    }

    private string Notes(string name) =>
        Path.Combine(folder, "notes", $"{name}.md") is var file && File.Exists(file) ? $"\n{NotesMarker}### What was tried\n\n{File.ReadAllText(file)}" : "";

    private void WritePlots(Session session)
    {
        var plots = Directory.CreateDirectory(Path.Combine(folder, "plots"));
        foreach (var old in plots.GetFiles($"{session.Benchmark.Name}-*.svg"))
        {
            old.Delete();
        }

        foreach (var runs in Section.ByName(session))
        {
            File.WriteAllText(Path.Combine(folder, Section.PlotOf(session, runs[0])), Plot.Of(runs));
        }
    }

    private static IEnumerable<string> GoalsOf(string section) => section.Split('\n')
        .Where(line => line.StartsWith("| ", StringComparison.Ordinal) && (line.Contains(Section.Met, StringComparison.Ordinal) || line.Contains(Section.Missed, StringComparison.Ordinal)));

    private static Dictionary<string, string> Kept(string file)
    {
        var sections = new Dictionary<string, string>();
        if (File.Exists(file))
        {
            foreach (var part in File.ReadAllText(file).Split(Marker)[1..])
            {
                var end = part.IndexOf(MarkerEnd, StringComparison.Ordinal);
                sections[part[..end]] = part[(end + MarkerEnd.Length)..].Split(NotesMarker)[0].TrimEnd('\n') + "\n";
            }
        }

        return sections;
    }
}
