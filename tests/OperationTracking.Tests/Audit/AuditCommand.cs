using System.Diagnostics;
using OpsPlatform.Testing;

namespace OpsPlatform.OperationTracking.Tests.Audit;

/// <summary>./run audit, with notes and keys of its own.</summary>
internal sealed class AuditCommand : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("audit-");

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

    /// <summary>Audits the desk's organisation as its admin.</summary>
    public Task<(int Code, string Said)> Run(Desk desk, Uri service, params string[] arguments) =>
        Run(["--url", service.ToString(), "--token", desk.Token().Parameter!, .. arguments]);

    public void Dispose() => _folder.Delete(recursive: true);
}
