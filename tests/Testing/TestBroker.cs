using System.Threading.Channels;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpsPlatform.Contracts;

namespace OpsPlatform.Testing;

/// <summary>Plays the neighbours of a service tested alone: sends what they say and hears what it says.</summary>
public sealed class TestBroker : IAsyncDisposable
{
    private readonly IHost _host;
    private readonly IBus _bus;

    private TestBroker(IHost host)
    {
        _host = host;
        _bus = host.Services.GetRequiredService<IBus>();
    }

    public static async Task<TestBroker> Start(Uri address)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Services.AddMassTransit(bus => bus.UsingRabbitMq((_, rabbit) => rabbit.Host(address)));
        builder.Services.Configure<MassTransitHostOptions>(options => options.WaitUntilStarted = true);
        var host = builder.Build();
        await host.StartAsync();
        return new(host);
    }

    /// <summary>An envelope as a neighbour's relay would send it.</summary>
    public static Envelope<T> Envelope<T>(Guid org, T message, Guid? id = null)
        where T : class =>
        new(id ?? Guid.CreateVersion7(), org, Guid.CreateVersion7(), null, "test", null, DateTimeOffset.UtcNow, message);

    public Task Publish<T>(Guid org, params T[] messages)
        where T : class => Send([.. messages.Select(message => Envelope(org, message))]);

    /// <summary>Sends the envelopes as one group.</summary>
    public async Task Send<T>(params Envelope<T>[] envelopes)
        where T : class =>
        await (await _bus.GetSendEndpoint(new Uri($"exchange:event.{typeof(T).Name}"))).Send(new MessageGroup<T>(envelopes));

    public async Task Send(ChangeBatch batch) =>
        await (await _bus.GetSendEndpoint(new Uri($"exchange:{Topology.ChangeQueue(batch.Shard)}"))).Send(batch);

    /// <summary>Hears every message of the type from now on, beside the listeners of the system.</summary>
    public async Task<TestListener<T>> Listen<T>()
        where T : class
    {
        var heard = Channel.CreateUnbounded<Envelope<T>>();
        await Listen<MessageGroup<T>>([$"event.{typeof(T).Name}"], async group =>
        {
            foreach (var item in group.Items)
            {
                await heard.Writer.WriteAsync(item);
            }
        });
        return new(heard.Reader);
    }

    /// <summary>Hears every batch of captured changes from now on, beside Sync's own queues.</summary>
    public async Task<ChannelReader<ChangeBatch>> ListenToChanges()
    {
        var heard = Channel.CreateUnbounded<ChangeBatch>();
        await Listen<ChangeBatch>(Topology.ChangeQueues, async batch => await heard.Writer.WriteAsync(batch));
        return heard.Reader;
    }

    private async Task Listen<T>(IEnumerable<string> exchanges, Func<T, Task> hear)
        where T : class
    {
        var handle = _bus.ConnectReceiveEndpoint($"test-{Guid.NewGuid():N}", endpoint =>
        {
            endpoint.ConfigureConsumeTopology = false;
            endpoint.PrefetchCount = 1;
            if (endpoint is IRabbitMqReceiveEndpointConfigurator rabbit)
            {
                rabbit.AutoDelete = true;
                foreach (var exchange in exchanges)
                {
                    rabbit.Bind(exchange);
                }
            }

            endpoint.Handler<T>(context => hear(context.Message));
        });
        await handle.Ready;
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }
}

/// <summary>What was heard, in arrival order; other tests' organisations are passed over.</summary>
public sealed class TestListener<T>(ChannelReader<Envelope<T>> heard)
    where T : class
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <exception cref="OperationCanceledException">Nothing that fits came within 20 s.</exception>
    public async Task<Envelope<T>> Next(Guid? org, Func<T, bool>? fits = null)
    {
        using var timeout = new CancellationTokenSource(Patience);
        while (true)
        {
            var envelope = await heard.ReadAsync(timeout.Token);
            if (envelope.OrgId == org && fits?.Invoke(envelope.Message) != false)
            {
                return envelope;
            }
        }
    }

    public async Task<IReadOnlyList<Envelope<T>>> Next(Guid org, int count)
    {
        List<Envelope<T>> envelopes = [];
        while (envelopes.Count < count)
        {
            envelopes.Add(await Next(org));
        }

        return envelopes;
    }
}
