using System.Globalization;
using System.Text;
using OpsPlatform.Bench.Frame;
using OpsPlatform.Chaos.Invariants;

namespace OpsPlatform.Chaos.Watch;

/// <summary>Judges what a long run used, and writes SOAK.md with its plots.</summary>
internal static class SoakReport
{
    private const double MemorySlackMegabytes = 20;
    private const double ConnectionSlack = 5;
    private const double QueueSlack = 100;
    private static readonly string Folder = Path.Combine(BenchSystem.RepositoryRoot, "chaos");

    public static void Judge(Options options, int events, TimeSpan length, IReadOnlyCollection<Series> samples, Findings findings, TextWriter output)
    {
        var held = findings.Count == 0;
        var table = new StringBuilder("| what | median of the second quarter | of the third | of the last | change | |\n|---|---:|---:|---:|---:|---|\n");
        foreach (var series in samples)
        {
            var flatness = Flatness.Of(series, Slack(series.Group));
            var verdict = flatness.Is == Flatness.Verdict.Grows ? "GROWS" : flatness.Is.ToString().ToLowerInvariant();
            table.Append(FormattableString.Invariant(
                $"| {series.Group}: {series.Name} | {flatness.Early:0.#} {series.Unit} | {flatness.Middle:0.#} {series.Unit} | {flatness.Late:0.#} {series.Unit} | {Change(flatness)} | {verdict} |\n"));
            if (flatness.Is == Flatness.Verdict.Grows)
            {
                findings.Add("flat", $"{series.Group}: {series.Name}", flatness.Early, flatness.Late);
            }
        }

        var text = new StringBuilder("# Soak\n\nWritten by `./run chaos` after a run of 20 minutes or more; [README.md](README.md) says what it does.\n\n");
        text.Append(FormattableString.Invariant($"{DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC, `{options.Command}`: {events} events in {length.TotalMinutes:0} minutes. "));
        text.Append(held ? "Every invariant held, after each event and to the last row at the end.\n\n" : $"**{findings.Count} findings; see the run's output.**\n\n");
        text.Append($"{Environment.ProcessorCount} cores, .NET {Environment.Version}. Samples every 5 s; memory by share (PSS), of a server with its children.\n\n{table}");
        Directory.CreateDirectory(Path.Combine(Folder, "plots"));
        foreach (var group in samples.GroupBy(series => series.Group))
        {
            var file = $"plots/{group.Key.Replace(' ', '-')}.svg";
            File.WriteAllText(Path.Combine(Folder, file), LinePlot.Of(group.Key, [.. group]));
            text.Append(CultureInfo.InvariantCulture, $"\n![{group.Key}]({file})\n");
        }

        File.WriteAllText(Path.Combine(Folder, "SOAK.md"), text.ToString());
        output.WriteLine($"{table}\nWritten to {Path.Combine(Folder, "SOAK.md")}");
    }

    private static double Slack(string group) => group switch
    {
        Sampler.Connections => ConnectionSlack,
        Sampler.Queues => QueueSlack,
        _ => MemorySlackMegabytes,
    };

    private static string Change(Flatness flatness) => flatness.Early > 0
        ? FormattableString.Invariant($"{(flatness.Late / flatness.Early - 1) * 100:+0;-0;0} %")
        : "–";
}
