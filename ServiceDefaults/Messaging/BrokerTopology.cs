using System.Globalization;
using Microsoft.Extensions.Logging;
using OpsPlatform.Contracts;
using RabbitMQ.Client;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>Declares every exchange, queue and binding of the system before this process sends, whether or not the listeners have ever run.</summary>
internal sealed partial class BrokerTopology(Uri address, ServiceName service, ILogger<BrokerTopology> log) : IDisposable
{
    private static readonly TimeSpan DeclareTimeout = TimeSpan.FromSeconds(20);

    /// <summary>A broker that vanished without a word is found missing within twice this.</summary>
    public static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _declaring = new(1, 1);
    private volatile bool _declared;

    public static IReadOnlyDictionary<string, object?> ChangeQueueArguments { get; } =
        new Dictionary<string, object?> { ["x-single-active-consumer"] = true };

    /// <summary>Some hundred megabytes at most; from the oldest on they are dropped.</summary>
    private static readonly Dictionary<string, object?> LatestQueueArguments = new() { ["x-max-length"] = 10_000 };

    /// <summary>Call when something could not be routed or the broker was lost: it may have come back empty.</summary>
    public void Forget() => _declared = false;

    public async Task Declared(CancellationToken cancel)
    {
        if (_declared)
        {
            return;
        }

        await _declaring.WaitAsync(cancel);
        try
        {
            if (!_declared)
            {
                // A client whose connection breaks in the middle may never answer; whoever comes next is not held up by it.
                await Declare(cancel).WaitAsync(DeclareTimeout, cancel);
                _declared = true;
                Done(service.Value);
            }
        }
        finally
        {
            _declaring.Release();
        }
    }

    /// <param name="purpose">Names the connection to who looks at the broker.</param>
    public async Task<IConnection> Connect(string purpose, CancellationToken cancel)
    {
        var factory = new ConnectionFactory
        {
            Uri = address,
            ClientProvidedName = $"{service.Value}-{purpose}",
            AutomaticRecoveryEnabled = false,
            RequestedHeartbeat = Heartbeat,
            SocketFactory = BrokerSocket.Create,
        };
        // As the bus tells of its own connections.
        factory.ClientProperties["process_id"] = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        return await factory.CreateConnectionAsync(cancel);
    }

    public void Dispose() => _declaring.Dispose();

    private async Task Declare(CancellationToken cancel)
    {
        await using var connection = await Connect("topology", cancel);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancel);
        foreach (var subscription in Topology.Subscriptions)
        {
            var exchange = Messages.Exchange(subscription.Message);
            await channel.ExchangeDeclareAsync(exchange, ExchangeType.Fanout, durable: true, cancellationToken: cancel);
            await DeclareQueue(channel, subscription.Queue, Topology.LatestOnly.Contains(subscription.Message) ? LatestQueueArguments : null, cancel);
            await channel.ExchangeBindAsync(subscription.Queue, exchange, "", cancellationToken: cancel);
        }

        foreach (var queue in Topology.ChangeQueues)
        {
            await DeclareQueue(channel, queue, ChangeQueueArguments, cancel);
        }
    }

    private static async Task DeclareQueue(IChannel channel, string name, IReadOnlyDictionary<string, object?>? arguments, CancellationToken cancel)
    {
        await channel.ExchangeDeclareAsync(name, ExchangeType.Fanout, durable: true, cancellationToken: cancel);
        await channel.QueueDeclareAsync(name, durable: true, exclusive: false, autoDelete: false, arguments: arguments?.ToDictionary(), cancellationToken: cancel);
        await channel.QueueBindAsync(name, name, "", cancellationToken: cancel);
    }

    [LoggerMessage(LogLevel.Information, "{Service} declared the broker's topology")]
    private partial void Done(string service);
}
