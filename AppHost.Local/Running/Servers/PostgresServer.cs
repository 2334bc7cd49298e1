using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Aspire.Hosting.Running.Servers;

internal sealed class PostgresServer(PostgresServerResource resource, HostState state) : IServer
{
    private const string DebianFolder = "/usr/lib/postgresql";
    private const int ProtocolVersion = 196_608;
    private const byte AuthenticationRequest = (byte)'R';

    private readonly Account? _account = Environment.IsPrivilegedProcess
        ? Account.Find("postgres") ?? throw Missing("the user 'postgres'")
        : null;

    public async Task<ProcessSpec> PrepareAsync(CancellationToken cancel)
    {
        var binaries = Binaries();
        var folder = Posix.OwnFolder(state.DataFolder(resource), _account);
        var data = Path.Combine(folder, "data");
        if (!Directory.Exists(data))
        {
            await InitialiseAsync(binaries, folder, data, cancel);
        }

        ForgetDeadPostmaster(data);
        // A temporary server's data is thrown away with it, so there is nothing to make durable.
        string[] durability = state.IsTemporary ? ["-c", "fsync=off"] : [];
        return Command(binaries, "postgres", folder,
        [
            "-D", data,
            "-p", $"{resource.PrimaryEndpoint.Port}",
            "-c", "listen_addresses=localhost",
            "-c", "unix_socket_directories=",
            .. durability,
        ]) with
        { DataDirectory = data };
    }

    /// <summary>Throws until the server accepts logins: it answers a start-up message with a request to authenticate.</summary>
    public static async Task CheckAsync(int port, CancellationToken cancel)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("localhost", port, cancel);
        var text = Encoding.ASCII.GetBytes("user\0postgres\0database\0postgres\0\0");
        var message = new byte[8 + text.Length];
        BinaryPrimitives.WriteInt32BigEndian(message, message.Length);
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(4), ProtocolVersion);
        text.CopyTo(message, 8);
        await client.GetStream().WriteAsync(message, cancel);
        var answer = new byte[1];
        await client.GetStream().ReadExactlyAsync(answer, cancel);
        if (answer[0] != AuthenticationRequest)
        {
            throw new DistributedApplicationException("PostgreSQL does not accept connections yet.");
        }
    }

    public static async Task CreateDatabasesAsync(PostgresServerResource server, CancellationToken cancel)
    {
        if (server.Databases.Count == 0)
        {
            return;
        }

        var names = string.Join(", ", server.Databases.Values.Select(name => $"'{name.Replace("'", "''")}'"));
        var sql = $"SELECT format('CREATE DATABASE %I', name) FROM unnest(ARRAY[{names}]) name WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name)\n\\gexec\n";
        var environment = LaunchPlan.Inherited();
        environment["PGPASSWORD"] = await server.PasswordParameter.GetValueAsync(cancel) ?? "";
        environment["PGUSER"] = await server.UserNameReference.GetValueAsync(cancel) ?? "";
        environment["PGHOST"] = "localhost";
        environment["PGPORT"] = server.PrimaryEndpoint.Port.ToString();
        var spec = new ProcessSpec(Path.Combine(Binaries(), "psql"), ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres"], "/") { Environment = environment };
        await ChildProcess.RunAsync(spec, "", sql, cancel);
    }

    private async Task InitialiseAsync(string binaries, string folder, string data, CancellationToken cancel)
    {
        // Made beside its place and moved, so that an interrupted attempt is not taken for a cluster.
        var fresh = data + ".new";
        if (Directory.Exists(fresh))
        {
            Directory.Delete(fresh, recursive: true);
        }

        var password = Posix.OwnFile(Path.Combine(folder, "password"), await resource.PasswordParameter.GetValueAsync(cancel) ?? "", _account);
        var user = await resource.UserNameReference.GetValueAsync(cancel) ?? "postgres";
        string[] speed = state.IsTemporary ? ["--no-sync"] : [];
        await ChildProcess.RunAsync(
            Command(binaries, "initdb", folder,
                ["-D", fresh, "-U", user, $"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions", .. speed]),
            Leftovers.Marker(state, resource.Name),
            "",
            cancel);
        File.Delete(password);
        Directory.Move(fresh, data);
    }

    // PostgreSQL refuses to start while the process id in this file is alive, and after a crash somebody else may have got that id.
    private static void ForgetDeadPostmaster(string data)
    {
        var file = Path.Combine(data, "postmaster.pid");
        if (File.Exists(file) && new FileInfo($"/proc/{File.ReadLines(file).First()}/cwd").LinkTarget is { } folder && folder != data)
        {
            File.Delete(file);
        }
    }

    private ProcessSpec Command(string binaries, string program, string folder, IReadOnlyList<string> arguments) =>
        new(Path.Combine(binaries, program), arguments, folder)
        {
            Account = _account,
            Environment = new Dictionary<string, string> { ["PATH"] = "/usr/bin:/bin", ["LANG"] = "C.UTF-8", ["HOME"] = folder },
            // Interrupt is PostgreSQL's fast shutdown; its terminate waits for clients to leave.
            StopSignal = Signal.Interrupt,
        };

    private static string Binaries()
    {
        var debian = Directory.Exists(DebianFolder)
            ? Directory.EnumerateDirectories(DebianFolder).OrderByDescending(folder => decimal.TryParse(Path.GetFileName(folder), out var version) ? version : 0)
            : Enumerable.Empty<string>();
        return debian.Select(folder => Path.Combine(folder, "bin"))
            .Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'))
            .FirstOrDefault(folder => File.Exists(Path.Combine(folder, "initdb")) && File.Exists(Path.Combine(folder, "postgres")))
            ?? throw Missing("initdb");
    }

    private static DistributedApplicationException Missing(string what) =>
        new($"PostgreSQL is not installed ({what} was not found): install the package 'postgresql', for example with ./run up.");
}
