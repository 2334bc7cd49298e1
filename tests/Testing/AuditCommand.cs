using System.Diagnostics;

namespace OpsPlatform.Testing;

/// <summary>./run audit, with notes and keys of its own.</summary>
public sealed class AuditCommand : IDisposable
{
    public const int Intact = 0;
    public const int Faulty = 1;
    public const int Unchecked = 2;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("audit-");

    /// <summary>A file for the keys that the auditor keeps; not there yet.</summary>
    public string Keys => Path.Combine(_folder.FullName, "keys.json");

    /// <returns>The exit code, and all that it said.</returns>
    public async Task<(int Code, string Said)> Run(params string[] arguments)
    {
        using var patience = new CancellationTokenSource(Patience);
        var start = new ProcessStartInfo(Path.Combine(Repository.Root, "run"), ["audit", "--notes", Path.Combine(_folder.FullName, "notes", "notes.json"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var command = Process.Start(start)!;
        var errors = command.StandardError.ReadToEndAsync(patience.Token);
        var output = await command.StandardOutput.ReadToEndAsync(patience.Token);
        await command.WaitForExitAsync(patience.Token);
        return (command.ExitCode, output + await errors);
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
