using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Configuration;

namespace Aspire.Hosting.Running;

/// <summary>
/// The folder with a host's data, logs and secrets, held by one host at a time.
/// The host's own program keeps it between runs; tests and other programs that embed the host get a temporary one.
/// </summary>
internal sealed class HostState : IDisposable
{
    private const string DirectoryKey = "AppHost:StateDirectory";
    private readonly FileStream _lock;

    private HostState(string directory, bool isTemporary)
    {
        Directory = directory;
        IsTemporary = isTemporary;
        // Servers run as other users and must reach their own folders below.
        System.IO.Directory.CreateDirectory(directory);
        File.SetUnixFileMode(directory, Posix.OpenFolder);
        _lock = Hold(Path.Combine(directory, "host.pid"));
        Secrets = new SecretStore(Path.Combine(directory, "secrets.json"));
        Logs = System.IO.Directory.CreateDirectory(Path.Combine(directory, "logs")).FullName;
    }

    public string Directory { get; }
    public bool IsTemporary { get; }
    public SecretStore Secrets { get; }
    public string Logs { get; }
    public string StatusFile => Path.Combine(Directory, "status.tsv");

    /// <summary>The state of the application a builder builds, opened when first asked for.</summary>
    public static HostState Of(IDistributedApplicationBuilder builder) =>
        ((Lazy<HostState>)builder.Services.Single(service => service.ServiceType == typeof(Lazy<HostState>)).ImplementationInstance!).Value;

    public static HostState Open(IConfiguration configuration, string appHostDirectory, bool forTest)
    {
        if (configuration[DirectoryKey] is { Length: > 0 } configured)
        {
            return new HostState(Path.GetFullPath(configured), isTemporary: false);
        }

        var embedded = Assembly.GetEntryAssembly() != typeof(HostState).Assembly;
        return forTest || embedded
            ? new HostState(System.IO.Directory.CreateTempSubdirectory("opsplatform-").FullName, isTemporary: true)
            : new HostState(DefaultDirectory(Path.GetDirectoryName(appHostDirectory)!), isTemporary: false);
    }

    /// <summary>A resource's own folder: kept under volumes when it asked for a volume, else gone after the run.</summary>
    public string DataFolder(IResource resource)
    {
        var parent = resource.TryGetLastAnnotation<DataVolumeAnnotation>(out var volume) ? "volumes" : "run";
        var path = Path.Combine(System.IO.Directory.CreateDirectory(Path.Combine(Directory, parent)).FullName, volume?.Name ?? resource.Name);
        return path;
    }

    public void RemoveRunFolder()
    {
        var run = Path.Combine(Directory, "run");
        if (System.IO.Directory.Exists(run))
        {
            System.IO.Directory.Delete(run, recursive: true);
        }
    }

    public void Dispose()
    {
        RemoveRunFolder();
        File.Delete(StatusFile);
        File.Delete(_lock.Name);
        _lock.Dispose();
        if (IsTemporary)
        {
            System.IO.Directory.Delete(Directory, recursive: true);
        }
    }

    /// <summary>As the script has it.</summary>
    internal static string DefaultDirectory(string repository)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(repository)))[..12];
        if (Environment.IsPrivilegedProcess)
        {
            return $"/var/lib/opsplatform/{hash}";
        }

        var home = Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { Length: > 0 } state
            ? state
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "state");
        return Path.Combine(home, "opsplatform", hash);
    }

    private static FileStream Hold(string path)
    {
        try
        {
            // An advisory lock that ends with this process, however it ends; the script reads the process id past it.
            var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            stream.SetLength(0);
            stream.Write(Encoding.ASCII.GetBytes(Environment.ProcessId.ToString()));
            stream.Flush();
            return stream;
        }
        catch (IOException e)
        {
            throw new DistributedApplicationException($"Another host is running on this state: {path} is held.", e);
        }
    }
}

/// <summary>Generated passwords, made once, in a file that only its owner reads.</summary>
internal sealed class SecretStore(string path)
{
    private readonly Lock _lock = new();

    public string GetOrAdd(string name, Func<string> make)
    {
        lock (_lock)
        {
            var known = File.Exists(path) ? JsonSerializer.Deserialize<Dictionary<string, string>>(File.ReadAllText(path))! : [];
            if (!known.TryGetValue(name, out var value))
            {
                known[name] = value = make();
                File.Move(Posix.OwnFile(path + ".new", JsonSerializer.Serialize(known), account: null), path, overwrite: true);
            }

            return value;
        }
    }
}
