using System.Runtime.InteropServices;

namespace OpsPlatform.Bench.Frame;

/// <summary>What the figures were measured on.</summary>
internal static class Machine
{
    public static readonly IReadOnlySet<string> Services =
        new HashSet<string> { "Identity", "Registry", "Inventory", "Orders", "Sync", "OperationTracking", "Analytics", "Gateway" };

    public static string LoadAverage() => string.Join(' ', File.ReadAllText("/proc/loadavg").Split(' ')[..3]);

    public static string Describe()
    {
        var model = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(": ")[1] ?? RuntimeInformation.ProcessArchitecture.ToString();
        var memory = File.ReadLines("/proc/meminfo").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        return $"{Environment.ProcessorCount} cores ({model}), {double.Parse(memory) / 1024 / 1024:0} GiB, {RuntimeInformation.OSDescription}, .NET {Environment.Version}";
    }
}
