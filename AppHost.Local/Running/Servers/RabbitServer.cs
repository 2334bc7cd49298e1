using System.Globalization;
using System.Net.Sockets;

namespace Aspire.Hosting.Running.Servers;

internal sealed class RabbitServer(RabbitMQServerResource resource, HostState state) : IServer
{
    private const string NodeName = "opsplatform@localhost";
    private static readonly string[] _folders = ["/usr/lib/rabbitmq/bin", "/usr/local/sbin", "/usr/sbin", "/usr/local/bin", "/usr/bin"];

    private readonly int _distributionPort = PortAllocator.Free();
    private readonly int _portMapperPort = PortAllocator.Free();

    private readonly Account? _account = Environment.IsPrivilegedProcess
        ? Account.Find("rabbitmq") ?? Account.Find("postgres") ?? throw Missing("the user 'rabbitmq'")
        : null;

    public async Task<ProcessSpec> PrepareAsync(CancellationToken cancel)
    {
        var server = _folders.Select(folder => Path.Combine(folder, "rabbitmq-server")).FirstOrDefault(File.Exists) ?? throw Missing("rabbitmq-server");
        var folder = Posix.OwnFolder(state.DataFolder(resource), _account);
        var cookie = state.Secrets.GetOrAdd($"{resource.Name}-cookie", new GenerateParameterDefault { Special = false }.GetDefaultValue);
        Posix.OwnFile(Path.Combine(folder, ".erlang.cookie"), cookie, _account);
        var plugins = Posix.OwnFile(Path.Combine(folder, "enabled_plugins"), ManagementPort is null ? "[].\n" : "[rabbitmq_management].\n", _account);
        var settings = Posix.OwnFile(Path.Combine(folder, "rabbitmq.conf"), await SettingsAsync(cancel), _account);

        return new ProcessSpec("/bin/sh", ["-c", $"setpriv --pdeathsig KILL epmd -port {_portMapperPort} -address 127.0.0.1 & exec {server}"], folder)
        {
            Account = _account,
            // A temporary broker has nothing worth the seconds of an orderly end.
            StopSignal = state.IsTemporary ? Signal.Kill : Signal.Terminate,
            DataDirectory = folder,
            Environment = new Dictionary<string, string>
            {
                ["PATH"] = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
                ["LANG"] = "C.UTF-8",
                ["HOME"] = folder,
                // The node's port mapper is the server's own child on a port of its own; Erlang would leave a shared one running.
                ["ERL_EPMD_PORT"] = $"{_portMapperPort}",
                ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
                // Makes the script become the server instead of standing before it, so that its process id is the server's.
                ["RUNNING_UNDER_SYSTEMD"] = "true",
                ["RABBITMQ_CONF_ENV_FILE"] = "/dev/null",
                ["RABBITMQ_NODENAME"] = NodeName,
                ["RABBITMQ_DIST_PORT"] = $"{_distributionPort}",
                ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "-kernel inet_dist_use_interface {127,0,0,1}",
                ["RABBITMQ_MNESIA_BASE"] = Path.Combine(folder, "mnesia"),
                ["RABBITMQ_LOG_BASE"] = Path.Combine(folder, "log"),
                ["RABBITMQ_LOGS"] = "-",
                ["RABBITMQ_ENABLED_PLUGINS_FILE"] = plugins,
                ["RABBITMQ_CONFIG_FILE"] = settings,
            },
        };
    }

    /// <summary>Throws until the broker greets a client by AMQP 0-9-1: it answers the protocol header with a method frame.</summary>
    public static async Task CheckAsync(int port, CancellationToken cancel)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", port, cancel);
        await client.GetStream().WriteAsync("AMQP\0\0\u0009\u0001"u8.ToArray(), cancel);
        var answer = new byte[1];
        await client.GetStream().ReadExactlyAsync(answer, cancel);
        if (answer[0] != 1)
        {
            throw new DistributedApplicationException("RabbitMQ does not accept connections yet.");
        }
    }

    private int? ManagementPort => resource.Annotations.OfType<EndpointAnnotation>()
        .FirstOrDefault(endpoint => endpoint.Name == RabbitMQServerResource.ManagementEndpointName)?.AllocatedPorts[0];

    private async Task<string> SettingsAsync(CancellationToken cancel)
    {
        var management = ManagementPort is { } port
            ? string.Create(CultureInfo.InvariantCulture, $"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {port}\n")
            : "";
        return $"""
            listeners.tcp.1 = 127.0.0.1:{resource.PrimaryEndpoint.Port}
            default_user = {await resource.UserNameReference.GetValueAsync(cancel)}
            default_pass = {await resource.PasswordParameter.GetValueAsync(cancel)}
            log.console = true
            log.console.level = warning
            log.connection.level = error
            log.file = false
            {management}
            """;
    }

    private static DistributedApplicationException Missing(string what) =>
        new($"RabbitMQ is not installed ({what} was not found): install the package 'rabbitmq-server', for example with ./run up.");
}
