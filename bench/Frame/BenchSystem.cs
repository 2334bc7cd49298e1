using System.Diagnostics;
using System.Runtime.InteropServices;
using Npgsql;

namespace OpsPlatform.Bench.Frame;

/// <summary>The whole system in Release as ./run up starts it, by the same host in a process of its own, on data that is gone afterwards.</summary>
internal sealed partial class BenchSystem : IAsyncDisposable
{
    private const int Sigterm = 15;
    private static readonly TimeSpan HealthyWithin = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan StoppedWithin = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);

    private readonly Process _host;
    private readonly string _state;

    private BenchSystem(Process host, string state)
    {
        _host = host;
        _state = state;
    }

    public int HostProcessId => _host.Id;

    public Uri Gateway { get; private set; } = null!;

    public Uri Broker { get; private set; } = null!;

    /// <summary>From the first process's start until the last resource was healthy.</summary>
    public TimeSpan HealthyAfter { get; private set; }

    private string Administrator { get; set; } = "";

    public static string RepositoryRoot { get; } = FindRoot();

    public static async Task<BenchSystem> Boot(string state, CancellationToken cancel)
    {
        Directory.CreateDirectory(state);
        var host = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        // Its own data folder is what keeps the database durable: one without a name is taken for a test's and not synced to disk.
        foreach (var argument in (string[])[
            Path.Combine(RepositoryRoot, "AppHost.Local", "bin", "Release", "net10.0", "AppHost.Local.dll"),
            $"--AppHost:StateDirectory={state}", "--AppHost:ConsoleLogs=false", "--UseVolumes=false", $"--GatewayPort={FreePort()}"])
        {
            host.ArgumentList.Add(argument);
        }

        var started = Stopwatch.GetTimestamp();
        var system = new BenchSystem(Process.Start(host)!, state);
        var words = system.Drain();
        try
        {
            await system.WaitUntilHealthy(words, cancel);
            system.HealthyAfter = Stopwatch.GetElapsedTime(started);
            system.FindServers();
            return system;
        }
        catch
        {
            await system.DisposeAsync();
            throw;
        }
    }

    /// <summary>An administrator's connection, to whom row-level security does not apply.</summary>
    public NpgsqlDataSource Database(string name, int connections = 16, string? role = null) => NpgsqlDataSource.Create(Settings(name, connections, role));

    public NpgsqlConnectionStringBuilder Settings(string name, int connections = 16, string? role = null)
    {
        var settings = new NpgsqlConnectionStringBuilder(Administrator) { Database = name, MaxPoolSize = connections, MaxAutoPrepare = 100, Pooling = true };
        if (role is not null)
        {
            settings.Options = $"-c role={role}";
            // A reset on return to the pool would end the role too.
            settings.NoResetOnClose = true;
        }

        return settings;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_host.HasExited && SendSignal(_host.Id, Sigterm) == 0)
        {
            using var patience = new CancellationTokenSource(StoppedWithin);
            try
            {
                await _host.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                // What it left is ended by the next host on the same folder.
                _host.Kill();
            }
        }

        _host.Dispose();
    }

    private async Task WaitUntilHealthy(List<string> words, CancellationToken cancel)
    {
        var since = Stopwatch.GetTimestamp();
        while (true)
        {
            var rows = Rows();
            if (rows.Count > 0 && rows.All(row => row[2] == "Healthy") && rows.Any(row => row[0].StartsWith("gateway", StringComparison.Ordinal)))
            {
                return;
            }

            if (_host.HasExited || Stopwatch.GetElapsedTime(since) > HealthyWithin || rows.Any(row => row[1] == "FailedToStart"))
            {
                throw new InvalidOperationException(
                    $"The system did not become healthy. {string.Join("; ", rows.Where(row => row[2] != "Healthy").Select(row => $"{row[0]} {row[1]}"))} {string.Join(' ', words.TakeLast(5))} Logs: {_state}/logs");
            }

            await Task.Delay(Look, cancel);
        }
    }

    /// <summary>The administrator's address of both servers is what the host gave a service.</summary>
    private void FindServers()
    {
        var rows = Rows();
        Gateway = new Uri(rows.First(row => row[0].StartsWith("gateway", StringComparison.Ordinal))[4]);
        var orders = rows.First(row => row[0].StartsWith("orders", StringComparison.Ordinal) && row[0] != "ordersdb");
        var environment = File.ReadAllText($"/proc/{orders[3]}/environ").Split('\0');
        string Of(string name) => environment.First(line => line.StartsWith(name + "=", StringComparison.Ordinal))[(name.Length + 1)..];
        Administrator = Of("ConnectionStrings__ordersdb");
        Broker = new Uri(Of("ConnectionStrings__messaging"));
    }

    private List<string> Drain()
    {
        List<string> words = [];
        void Note(object sender, DataReceivedEventArgs line)
        {
            lock (words)
            {
                words.Add(line.Data ?? "");
            }
        }

        _host.OutputDataReceived += Note;
        _host.ErrorDataReceived += Note;
        _host.BeginOutputReadLine();
        _host.BeginErrorReadLine();
        return words;
    }

    private List<string[]> Rows()
    {
        var file = Path.Combine(_state, "status.tsv");
        try
        {
            return [.. File.ReadAllLines(file).Select(line => line.Split('\t')).Where(row => row.Length == 5)];
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "OpsPlatform.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("The benchmarks do not run within the repository.");
        }

        return folder.FullName;
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int pid, int signal);
}

/// <summary>What a figure is worth depends on these.</summary>
internal sealed record DurabilityFacts(string Fsync, string SynchronousCommit, string MaxConnections, string PostgresVersion)
{
    /// <summary>A database that does not sync promises nothing that could be compared.</summary>
    public bool IsVoid => Fsync != "on";

    public override string ToString() =>
        $"fsync {Fsync}, synchronous_commit {SynchronousCommit}, max_connections {MaxConnections}, PostgreSQL {PostgresVersion}; "
        + "pools per process: app 32, relay 4, owner 2, digest 2";

    public static async Task<DurabilityFacts> Read(BenchSystem system, CancellationToken cancel)
    {
        await using var database = system.Database("postgres", 1);
        await using var command = database.CreateCommand(
            "SELECT current_setting('fsync'), current_setting('synchronous_commit'), current_setting('max_connections'), current_setting('server_version')");
        await using var row = await command.ExecuteReaderAsync(cancel);
        await row.ReadAsync(cancel);
        return new(row.GetString(0), row.GetString(1), row.GetString(2), row.GetString(3));
    }
}
