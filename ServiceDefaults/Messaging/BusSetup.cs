using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.ServiceDefaults;

/// <summary>What a service hears; listed, so that Program.cs says it.</summary>
public sealed class BusListeners
{
    internal List<Action<IServiceCollection>> Services { get; } = [];

    internal List<Action<IBusRegistrationContext, IRabbitMqBusFactoryConfigurator, string>> Endpoints { get; } = [];

    /// <param name="rest">After each batch, for a listener that may be late: it then hears more at once, and costs less.</param>
    /// <exception cref="InvalidOperationException">At start, when Contracts/Topology.cs does not list the subscription.</exception>
    public BusListeners Hear<T, TListener>(TimeSpan rest = default)
        where T : class
        where TListener : class, IHear<T>
    {
        Services.Add(services => services.AddScoped<TListener>());
        Endpoints.Add((context, bus, service) =>
        {
            var subscription = Subscription.Of<T>(service);
            if (!Topology.Subscriptions.Contains(subscription))
            {
                throw new InvalidOperationException($"Add Subscription.Of<{typeof(T).Name}>(\"{service}\") to Contracts/Topology.cs: {service} hears it.");
            }

            bus.ReceiveEndpoint(subscription.Queue, endpoint =>
            {
                BusSetup.Configure(context, endpoint, subscription.Queue);
                var consumer = new GroupConsumer<T, TListener>(context, rest);
                endpoint.Consumer(() => consumer);
            });
        });
        return this;
    }

    /// <summary>Takes captured changes of all services, shard by shard, one consumer active per shard.</summary>
    public BusListeners HearChanges<TListener>()
        where TListener : class, IHearChanges
    {
        Services.Add(services => services.AddScoped<TListener>().AddSingleton<ChangeHealth>().AddHostedService<ChangeListener<TListener>>()
            .AddHealthChecks().AddCheck<ChangeHealth>("changes"));
        return this;
    }
}

public static class BusSetup
{
    /// <summary>Groups taken while others are applied, to be applied together next; more would only make a crash redeliver more.</summary>
    private const int Prefetch = 16;

    /// <summary>The bus from ConnectionStrings:messaging, with outbox, relays and inbox on the service's database.</summary>
    public static WebApplicationBuilder AddBus<TDb>(this WebApplicationBuilder builder, string service, Func<BusListeners, BusListeners>? listen = null)
        where TDb : ServiceDb
    {
        var address = new Uri(builder.Configuration.Required("ConnectionStrings:messaging", "where RabbitMQ is, such as amqp://user:password@localhost:5672"));
        var listeners = new BusListeners();
        listen?.Invoke(listeners);
        foreach (var register in listeners.Services)
        {
            register(builder.Services);
        }

        builder.Services.AddSingleton(RelaySettings.Read(builder.Configuration));
        builder.Services.AddSingleton<Patience>();
        builder.Services.AddSingleton<Parking>();
        builder.Services.AddSingleton(services => new BrokerTopology(
            address, services.GetRequiredService<ServiceName>(), services.GetRequiredService<ILogger<BrokerTopology>>()));
        builder.Services.AddMassTransit(bus =>
        {
            // Orders are taken while the broker is away: that is degraded, not unhealthy.
            bus.ConfigureHealthCheckOptions(options => options.MinimalFailureStatus = HealthStatus.Degraded);
            bus.UsingRabbitMq((context, rabbit) =>
            {
                rabbit.Host(address, host =>
                {
                    host.PublisherConfirmation = true;
                    host.Heartbeat(BrokerTopology.Heartbeat);
                    host.OnRefreshConnectionFactory = factory =>
                    {
                        factory.SocketFactory = BrokerSocket.Create;
                        return Task.CompletedTask;
                    };
                });
                foreach (var endpoint in listeners.Endpoints)
                {
                    endpoint(context, rabbit, service);
                }
            });
        });
        builder.Services.AddHostedService<OutboxRelay>();
        builder.Services.AddHostedService<ChangeRelay>();
        return builder;
    }

    internal static void Configure(IBusRegistrationContext context, IRabbitMqReceiveEndpointConfigurator endpoint, string queue)
    {
        var park = new ParkFilter(context.GetRequiredService<Parking>(), queue);
        endpoint.ConfigureConsumeTopology = false;
        endpoint.PublishFaults = false;
        endpoint.PrefetchCount = Prefetch;
        endpoint.ConfigureError(pipe => pipe.UseFilter(park));
        endpoint.ConfigureDeadLetter(pipe => pipe.UseFilter(park));
    }
}
