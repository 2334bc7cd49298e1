using System.Diagnostics;
using System.Globalization;

namespace OpsPlatform.Bench.Frame;

/// <summary>Percent of one core by process name over a phase, from /proc: the benched system's own, the load generator's, and all others'.</summary>
internal sealed record CpuUse(IReadOnlyDictionary<string, double> Percent, double Seconds, string LoadAverage)
{
    private const double TicksPerSecond = 100;
    private const string Generator = "bench";
    private const string Others = "others on the machine";

    internal sealed record Counters(long At, Dictionary<string, double> Seconds, double MachineBusySeconds);

    /// <param name="roots">The host of the system, or its servers alone: they and all below them count.</param>
    public static Counters Sample(params int[] roots)
    {
        var rows = Processes().ToDictionary(process => process.Pid);
        var seconds = new Dictionary<string, double>();
        foreach (var process in rows.Values)
        {
            var name = process.Pid == Environment.ProcessId ? Generator : IsBelow(process, roots, rows) ? NameOf(process) : null;
            if (name is not null)
            {
                seconds[name] = seconds.GetValueOrDefault(name) + process.Seconds;
            }
        }

        return new(Stopwatch.GetTimestamp(), seconds, MachineBusySeconds());
    }

    public static CpuUse Between(Counters before, Counters after)
    {
        var wall = Stopwatch.GetElapsedTime(before.At, after.At).TotalSeconds;
        var percent = after.Seconds
            .ToDictionary(entry => entry.Key, entry => 100 * Math.Max(0, entry.Value - before.Seconds.GetValueOrDefault(entry.Key)) / wall);
        percent[Others] = Math.Max(0, (100 * (after.MachineBusySeconds - before.MachineBusySeconds) / wall) - percent.Values.Sum());
        return new(percent, wall, Machine.LoadAverage());
    }

    /// <summary>Of the services alone, without servers, host and load generator.</summary>
    public double Services => Percent.Where(entry => Machine.Services.Contains(entry.Key)).Sum(entry => entry.Value);

    /// <summary>Of all the system is made of, without load generator and others.</summary>
    public double System => Percent.Where(entry => entry.Key is not (Generator or Others)).Sum(entry => entry.Value);

    public override string ToString() =>
        string.Join(", ", Percent.Where(entry => entry.Value >= 0.5).OrderByDescending(entry => entry.Value).Select(entry => $"{entry.Key} {entry.Value:0} %"))
        + $"; load average {LoadAverage}";

    /// <summary>The roots and every process below them by its name.</summary>
    public static IReadOnlyList<(int Pid, string Name)> SystemProcesses(params int[] roots)
    {
        var rows = Processes().ToDictionary(process => process.Pid);
        return [.. rows.Values.Where(process => IsBelow(process, roots, rows)).Select(process => (process.Pid, NameOf(process)))];
    }

    private sealed record Row(int Pid, int Parent, string Command, double Seconds);

    private static bool IsBelow(Row process, int[] roots, Dictionary<int, Row> rows)
    {
        for (var at = process; at.Parent > 0; at = rows.GetValueOrDefault(at.Parent) ?? new(0, 0, "", 0))
        {
            if (roots.Contains(at.Pid))
            {
                return true;
            }
        }

        return false;
    }

    private static string NameOf(Row process)
    {
        var command = File.Exists($"/proc/{process.Pid}/cmdline") ? Words(process.Pid) : [];
        return command.FirstOrDefault(word => word.EndsWith(".dll", StringComparison.Ordinal)) is { } assembly
            ? Path.GetFileNameWithoutExtension(assembly) is var name && name == "AppHost.Local" ? "host and its shared port" : name
            : process.Command switch
            {
                "postgres" => "PostgreSQL",
                _ => "RabbitMQ",
            };
    }

    private static string[] Words(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline").Split('\0');
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static IEnumerable<Row> Processes()
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), out var pid) && Read(pid) is { } row)
            {
                yield return row;
            }
        }
    }

    private static Row? Read(int pid)
    {
        string text;
        try
        {
            text = File.ReadAllText($"/proc/{pid}/stat");
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        var end = text.LastIndexOf(')');
        var fields = text[(end + 2)..].Split(' ');
        // utime, stime, and those of children that ended: a database's backends come and go.
        var ticks = fields[11..15].Sum(field => long.Parse(field, CultureInfo.InvariantCulture));
        return new(pid, int.Parse(fields[1], CultureInfo.InvariantCulture), text[(text.IndexOf('(', StringComparison.Ordinal) + 1)..end], ticks / TicksPerSecond);
    }

    private static double MachineBusySeconds()
    {
        var fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..].Select(double.Parse).ToArray();
        // Without idle, waiting for the disk, and what the guest columns count twice.
        return (fields[0] + fields[1] + fields[2] + fields[5] + fields[6]) / TicksPerSecond;
    }
}
