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
    private readonly IServiceCollection _services;
    private readonly string _service;

    internal BusListeners(IServiceCollection services, string service) => (_services, _service) = (services, service);

    /// <param name="rest">After a batch of several, for a listener that may be late: it then hears more at once, and costs less.</param>
    /// <exception cref="InvalidOperationException">Contracts/Topology.cs does not list the subscription.</exception>
    public BusListeners Hear<T, TListener>(TimeSpan rest = default)
        where T : class
        where TListener : class, IHear<T> =>
        Add<T, TListener>(services => ActivatorUtilities.CreateInstance<GroupHearing<T, TListener>>(services, rest));

    /// <summary>For messages that come often and of which only the latest counts.</summary>
    /// <exception cref="InvalidOperationException">Contracts/Topology.cs does not list the subscription.</exception>
    public BusListeners HearLatest<T, TListener>()
        where T : class
        where TListener : class, IHearLatest<T> =>
        Add<T, TListener>(services => ActivatorUtilities.CreateInstance<LatestHearing<T, TListener>>(services));

    /// <summary>Takes captured changes of all services, one consumer active a queue.</summary>
    public BusListeners HearChanges<TListener>()
        where TListener : class, IHearChanges =>
        Add<TListener>(services => ActivatorUtilities.CreateInstance<ChangeHearing<TListener>>(services));

    private BusListeners Add<T, TListener>(Func<IServiceProvider, Hearing> hearing)
        where T : class
        where TListener : class =>
        Topology.Subscriptions.Contains(Subscription.Of<T>(_service))
            ? Add<TListener>(hearing)
            : throw new InvalidOperationException($"Add Subscription.Of<{typeof(T).Name}>(\"{_service}\") to Contracts/Topology.cs: {_service} hears it.");

    private BusListeners Add<TListener>(Func<IServiceProvider, Hearing> hearing)
        where TListener : class
    {
        _services.AddScoped<TListener>().AddSingleton(hearing);
        return this;
    }
}

public static class BusSetup
{
    /// <summary>The bus from ConnectionStrings:messaging, with outbox, relays and inbox on the service's database.</summary>
    public static WebApplicationBuilder AddBus<TDb>(this WebApplicationBuilder builder, string service, Func<BusListeners, BusListeners>? listen = null)
        where TDb : ServiceDb
    {
        var address = new Uri(builder.Configuration.Required("ConnectionStrings:messaging", "where RabbitMQ is, such as amqp://user:password@localhost:5672"));
        builder.Services.AddSingleton(RelaySettings.Read(builder.Configuration));
        builder.Services.AddSingleton<Patience>();
        builder.Services.AddSingleton<Parking>();
        builder.Services.AddSingleton(services => new BrokerTopology(
            address, services.GetRequiredService<ServiceName>(), services.GetRequiredService<ILogger<BrokerTopology>>()));
        builder.Services.AddMassTransit(bus =>
        {
            bus.UsingRabbitMq((_, rabbit) =>
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
            });
        });
        builder.Services.AddSingleton<Lookout>().AddHostedService(services => services.GetRequiredService<Lookout>());
        builder.Services.AddHostedService<OutboxRelay>();
        builder.Services.AddHostedService<ChangeRelay>();
        listen?.Invoke(new(builder.Services, service));
        builder.Services.AddSingleton<Listener>().AddHostedService(services => services.GetRequiredService<Listener>());
        builder.Services.AddHealthChecks().AddCheck<BrokerHealth>("broker");
        // The bus's own check knows no more than that it was started: it connects when it sends.
        builder.Services.PostConfigure<HealthCheckServiceOptions>(options =>
        {
            foreach (var check in options.Registrations.Where(check => check.Tags.Contains("masstransit")).ToArray())
            {
                options.Registrations.Remove(check);
            }
        });
        return builder;
    }
}
