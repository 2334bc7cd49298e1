using System.Globalization;

namespace OpsPlatform.Chaos.Watch;

/// <summary>Who is whose child, by /proc.</summary>
internal static class Processes
{
    public static ILookup<int, int> Children() => Directory.EnumerateDirectories("/proc")
        .Select(folder => int.TryParse(Path.GetFileName(folder), out var process) ? process : 0)
        .Where(process => process > 0)
        .ToLookup(Parent);

    /// <summary>The process and all its descendants.</summary>
    public static IEnumerable<int> Below(int process, ILookup<int, int> children) =>
        children[process].SelectMany(child => Below(child, children)).Prepend(process);

    private static int Parent(int process)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{process}/stat");
            // After the command in brackets, which may hold anything, come the state and the parent.
            return int.Parse(text[(text.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
