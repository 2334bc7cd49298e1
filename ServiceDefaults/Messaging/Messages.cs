using System.Collections.Concurrent;
using MassTransit;
using OpsPlatform.Contracts;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>Sends one type of message as groups to the exchange of that type.</summary>
internal abstract class Messages
{
    private static readonly ConcurrentDictionary<Type, Messages> Known = new();

    public static Messages Of(Type message) =>
        Known.GetOrAdd(message, type => (Messages)Activator.CreateInstance(typeof(Messages<>).MakeGenericType(type))!);

    /// <summary>The fanout exchange that every subscriber's queue of this type is bound to.</summary>
    public static string Exchange(Type message) => $"event.{message.Name}";

    public abstract Task Send(IBus bus, IEnumerable<Envelope<object>> items, CancellationToken cancel);
}

internal sealed class Messages<T> : Messages
    where T : class
{
    /// <summary>Facts nobody listens to yet may vanish; those with a listener must reach its queue.</summary>
    private static readonly bool HasListener = Topology.Subscriptions.Any(subscription => subscription.Message == typeof(T));

    public override async Task Send(IBus bus, IEnumerable<Envelope<object>> items, CancellationToken cancel)
    {
        var group = new MessageGroup<T>([.. items.Select(item => new Envelope<T>(
            item.Id, item.OrgId, item.CorrelationId, item.CausationId, item.Actor, item.TraceParent, item.SentAt, (T)item.Message))]);
        await Broker.Send(bus, Exchange(typeof(T)), group, HasListener, cancel);
    }
}

internal static class Broker
{
    private static readonly TimeSpan ConfirmTimeout = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Returns when the broker has confirmed; with <paramref name="mandatory"/> a message that reaches no queue is a fault, not a
    /// loss. The client may never answer for what was on its way when its connection broke, whatever its token says
    /// (rabbitmq-dotnet-client issue 1930), so it is not waited for longer than a confirm may take.
    /// </summary>
    /// <exception cref="TimeoutException">The broker did not confirm; it may have the message all the same.</exception>
    public static async Task Send<T>(IBus bus, string exchange, T message, bool mandatory, CancellationToken cancel)
        where T : class
    {
        using var given = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        try
        {
            await Send(given.Token).WaitAsync(ConfirmTimeout, cancel);
        }
        finally
        {
            await given.CancelAsync();
        }

        async Task Send(CancellationToken token)
        {
            var endpoint = await bus.GetSendEndpoint(new($"exchange:{exchange}"));
            await endpoint.Send(message, context =>
            {
                if (mandatory && context.TryGetPayload<RabbitMqSendContext>(out var rabbit))
                {
                    rabbit.Mandatory = true;
                }
            }, token);
        }
    }
}
