using System.Text;

namespace Aspire.Hosting.Running;

/// <summary>
/// Ends the descendants of a resource that outlived it. They are known by a variable in their environment,
/// which names this host's state and the resource, so that nobody else's process can be meant, however process ids are reused.
/// </summary>
internal static class Leftovers
{
    public const string Variable = "OPSPLATFORM_HOST_RESOURCE";
    private const int MaxRounds = 100;

    public static string Marker(HostState state, string resourceId) => $"{state.Directory}:{resourceId};";

    /// <summary>Kills until none is left, at most two seconds.</summary>
    public static async Task EndAsync(string markerPrefix, string? dataDirectory)
    {
        for (var round = 0; round < MaxRounds; round++)
        {
            var found = Find(markerPrefix, dataDirectory);
            if (found.Count == 0)
            {
                return;
            }

            found.ForEach(pid => Posix.Send(pid, Signal.Kill));
            await Task.Delay(TimeSpan.FromMilliseconds(20));
        }
    }

    internal static List<int> Find(string markerPrefix, string? dataDirectory)
    {
        var needle = Encoding.UTF8.GetBytes($"{Variable}={markerPrefix}");
        return [.. Directory.EnumerateDirectories("/proc")
            .Select(path => int.TryParse(Path.GetFileName(path), out var pid) ? pid : 0)
            .Where(pid => pid > 0 && pid != Environment.ProcessId && BelongsHere(pid, needle, dataDirectory))];
    }

    private static bool BelongsHere(int pid, byte[] needle, string? dataDirectory)
    {
        try
        {
            // A server may overwrite its environment with its title, as PostgreSQL's backends do; it stays in its data folder.
            return File.ReadAllBytes($"/proc/{pid}/environ").AsSpan().IndexOf(needle) >= 0
                || (dataDirectory is not null && new FileInfo($"/proc/{pid}/cwd").LinkTarget == dataDirectory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
