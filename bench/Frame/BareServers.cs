using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Npgsql;
using RabbitMQ.Client;

namespace OpsPlatform.Bench.Frame;

/// <summary>PostgreSQL and RabbitMQ on new data with the settings of the system, and nothing that uses them.</summary>
internal sealed partial class BareServers : IAsyncDisposable
{
    private const int Sigint = 2;
    private const int Sigkill = 9;
    private static readonly TimeSpan AcceptWithin = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);
    private static readonly string[] BrokerFolders = ["/usr/lib/rabbitmq/bin", "/usr/local/sbin", "/usr/sbin", "/usr/local/bin", "/usr/bin"];

    private readonly string _folder;
    private readonly List<Process> _started = [];

    private BareServers(string folder) => _folder = folder;

    /// <summary>From nothing until both take logins.</summary>
    public TimeSpan ReadyAfter { get; private set; }

    public int[] ProcessIds => [.. _started.Select(process => process.Id)];

    /// <param name="state">A folder that the servers' own users can enter.</param>
    public static async Task<BareServers> Start(string state, CancellationToken cancel)
    {
        var servers = new BareServers(Path.Combine(state, "bare"));
        var since = Stopwatch.GetTimestamp();
        try
        {
            await Task.WhenAll(servers.Postgres(cancel), servers.Broker(cancel));
            servers.ReadyAfter = Stopwatch.GetElapsedTime(since);
            return servers;
        }
        catch
        {
            await servers.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _started)
        {
            // PostgreSQL ends in order, so that it leaves no shared memory; the broker's session is swept away with its data.
            _ = process.StartInfo.ArgumentList.Contains("-D") ? SendSignal(process.Id, Sigint) : SendSignal(-process.Id, Sigkill);
            await process.WaitForExitAsync(CancellationToken.None);
            process.Dispose();
        }

        Directory.Delete(_folder, recursive: true);
    }

    private async Task Postgres(CancellationToken cancel)
    {
        var folder = await Folder("postgres", "postgres", cancel);
        var (data, port) = (Path.Combine(folder, "data"), FreePort());
        await Finished(Describe("postgres", folder, [], Shadow.Program("initdb"), "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"), cancel);
        Begin(Describe("postgres", folder, [], Shadow.Program("postgres"), "-D", data, "-p", $"{port}", "-c", "listen_addresses=localhost",
            "-c", "unix_socket_directories=", "-c", "max_connections=500", "-c", "shared_preload_libraries=pg_stat_statements"));
        await Answers(async () =>
        {
            await using var connection = new NpgsqlConnection($"Host=localhost;Port={port};Username=postgres;Database=postgres;Pooling=false;Timeout=5");
            await connection.OpenAsync(cancel);
        }, cancel);
    }

    private async Task Broker(CancellationToken cancel)
    {
        var folder = await Folder("rabbitmq", "rabbitmq", cancel);
        var (port, mapper) = (FreePort(), FreePort());
        var (plugins, settings) = (Path.Combine(folder, "enabled_plugins"), Path.Combine(folder, "rabbitmq.conf"));
        await File.WriteAllTextAsync(plugins, "[rabbitmq_management].\n", cancel);
        await File.WriteAllTextAsync(settings, $"listeners.tcp.1 = 127.0.0.1:{port}\nmanagement.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {FreePort()}\nlog.console = true\nlog.console.level = warning\nlog.file = false\n", cancel);
        var server = BrokerFolders.Select(place => Path.Combine(place, "rabbitmq-server")).First(File.Exists);
        Begin(Describe("rabbitmq", folder,
            new()
            {
                ["ERL_EPMD_PORT"] = $"{mapper}",
                ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
                ["RUNNING_UNDER_SYSTEMD"] = "true",
                ["RABBITMQ_CONF_ENV_FILE"] = "/dev/null",
                ["RABBITMQ_NODENAME"] = "bare@localhost",
                ["RABBITMQ_DIST_PORT"] = $"{FreePort()}",
                ["RABBITMQ_MNESIA_BASE"] = Path.Combine(folder, "mnesia"),
                ["RABBITMQ_LOGS"] = "-",
                ["RABBITMQ_ENABLED_PLUGINS_FILE"] = plugins,
                ["RABBITMQ_CONFIG_FILE"] = settings,
            },
            "/bin/sh", "-c", $"epmd -port {mapper} -address 127.0.0.1 & exec {server}"));
        await Answers(async () =>
        {
            await using var connection = await new ConnectionFactory { HostName = "127.0.0.1", Port = port }.CreateConnectionAsync(cancel);
        }, cancel);
    }

    private static async Task Answers(Func<Task> ask, CancellationToken cancel)
    {
        var since = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                await ask();
                return;
            }
            catch (Exception) when (!cancel.IsCancellationRequested && Stopwatch.GetElapsedTime(since) < AcceptWithin)
            {
                await Task.Delay(Look, cancel);
            }
        }
    }

    /// <summary>Empty and the user's own, when this is root, whom both servers refuse.</summary>
    private async Task<string> Folder(string name, string user, CancellationToken cancel)
    {
        var folder = Path.Combine(_folder, name);
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        Directory.CreateDirectory(folder);
        if (Environment.IsPrivilegedProcess)
        {
            await Finished(new ProcessStartInfo("chown", [$"{user}:", folder]), cancel);
        }

        return folder;
    }

    private static ProcessStartInfo Describe(string user, string folder, Dictionary<string, string> environment, string program, params string[] arguments)
    {
        string[] account = Environment.IsPrivilegedProcess ? ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--"] : [];
        var start = new ProcessStartInfo("setsid", [.. account, program, .. arguments])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        foreach (var (name, value) in environment.Append(new("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin")).Append(new("LANG", "C.UTF-8")).Append(new("HOME", folder)))
        {
            start.Environment[name] = value;
        }

        return start;
    }

    private void Begin(ProcessStartInfo start)
    {
        var process = Process.Start(start)!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        lock (_started)
        {
            _started.Add(process);
        }
    }

    private static async Task Finished(ProcessStartInfo start, CancellationToken cancel)
    {
        using var process = Process.Start(start)!;
        var words = start.RedirectStandardError ? process.StandardError.ReadToEndAsync(cancel) : Task.FromResult("");
        await process.WaitForExitAsync(cancel);
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{string.Join(' ', start.ArgumentList)} ended with {process.ExitCode}: {await words}");
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int pid, int signal);
}
