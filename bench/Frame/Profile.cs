using System.Text;

namespace OpsPlatform.Bench.Frame;

/// <summary>What was done in a phase, such as 12,000 orders: what the phase used is told by one of them too.</summary>
internal sealed record Work(string Unit, double Count);

/// <summary>Where the time of one phase went: processor and allocations by process, SQL by statement.</summary>
/// <param name="Allocations">Null where counting them would be part of what is counted.</param>
internal sealed record Profile(string Phase, CpuUse Cpu, SqlUse Sql, AllocationUse? Allocations, Work? Done)
{
    private const double LeastPercent = 0.5;
    private const double BytesPerKilobyte = 1_024;
    private const double BytesPerMegabyte = BytesPerKilobyte * 1_024;

    /// <summary>Processor milliseconds of the whole system, its servers and host included, for one unit of the work.</summary>
    public double SystemMsEach => Cpu.System / 100 * Cpu.Seconds * 1_000 / Done!.Count;

    public override string ToString()
    {
        var each = Done is { Count: > 0 } done ? done : null;
        var text = new StringBuilder($"| process | % of a core |{(each is null ? "" : $" processor µs for one {each.Unit} |")} MB/s allocated |"
            + $"{(each is null ? "" : $" kB for one {each.Unit} |")} collections/s, gen 0 | gen 2 |\n|---|---:|---:|---:|---:|{(each is null ? "" : "---:|---:|")}\n");
        foreach (var (name, percent) in Cpu.Percent.Where(entry => entry.Value >= LeastPercent).OrderByDescending(entry => entry.Value))
        {
            var rate = Allocations?.Rates.GetValueOrDefault(name);
            string Of(double? value) => value is { } number ? Number.Text(number) : "–";
            text.Append($"| {name} | {percent:0} |");
            text.Append(each is null ? "" : $" {Number.Text(percent / 100 * Cpu.Seconds * 1_000_000 / each.Count)} |");
            text.Append($" {Of(rate?.Bytes / BytesPerMegabyte)} |");
            text.Append(each is null ? "" : $" {Of(rate?.Bytes / BytesPerKilobyte * Cpu.Seconds / each.Count)} |");
            text.Append($" {Of(rate?.Gen0)} | {Of(rate?.Gen2)} |\n");
        }

        return text.Append($"\nLoad average at its end {Cpu.LoadAverage}{(each is null ? "" : $"; {each.Count:#,0} × one {each.Unit} in {Cpu.Seconds:0} s")}.\n\n{Sql}").ToString();
    }
}
