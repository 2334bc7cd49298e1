using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Telemetry;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>Hands captured changes of all queues to their listener, which knows by itself what it has seen.</summary>
internal sealed class ChangeHearing<TListener>(IServiceProvider services, Patience patience, Parking parking, TimeProvider time)
    : Hearing<ChangeBatch>(Topology.ChangeQueues, Prefetch, parking, time)
    where TListener : class, IHearChanges
{
    /// <summary>A relay makes them of up to 4 MiB.</summary>
    private const ushort Prefetch = 8;

    private const int MaxChanges = 2_000;
    private const int MaxBytes = 8 * 1024 * 1024;

    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(5);
    private readonly Parking _parking = parking;

    public override string Name => "captured changes";

    protected override bool IsWhole(ChangeBatch message) =>
        message is { Changes: { } changes, Service: not null } && changes.All(change => change is { EntityId: not null, Data: not null });

    protected override bool KeepsBody(ChangeBatch message) => message.Marker is not null;

    protected override bool IsFull(IReadOnlyList<Delivery> batch) =>
        batch.Sum(delivery => delivery.Message?.Changes.Count ?? 0) >= MaxChanges || batch.Sum(delivery => delivery.Bytes) >= MaxBytes;

    protected override TimeSpan RestAfter(IReadOnlyList<Delivery> batch) => batch.Count > 1 ? Rest : TimeSpan.Zero;

    protected override async Task Apply(IReadOnlyList<Delivery> batch, CancellationToken cancel)
    {
        using var activity = SharedWork.Start($"{typeof(TListener).Name} hear", ActivityKind.Consumer, [null]);
        List<(string Queue, ChangeBatch From, CapturedChange Change)> changes = [];
        foreach (var delivery in batch)
        {
            if (delivery.Message is { Marker: null } message)
            {
                changes.AddRange(message.Changes.Select(change => (delivery.Queue, message, change)));
                continue;
            }

            // What was sent before a marker is heard before it.
            await Hear(changes, cancel);
            changes.Clear();
            await Pass(delivery, cancel);
        }

        await Hear(changes, cancel);
    }

    private async Task Hear(List<(string Queue, ChangeBatch From, CapturedChange Change)> items, CancellationToken cancel)
    {
        foreach (var service in items.GroupBy(item => item.From.Service))
        {
            await patience.Apply(
                [.. service],
                (changes, token) => Listen(listener => listener.Hear(service.Key, [.. changes.Select(item => item.Change)], token)),
                (item, exception, attempts) => _parking.Park(item.Queue, item.From with { Changes = [item.Change] }, exception, attempts, cancel),
                cancel);
        }
    }

    private Task Pass(Delivery delivery, CancellationToken cancel) => delivery.Message is { Marker: { } marker, Shard: var shard }
        ? patience.Apply([delivery], (_, token) => Listen(listener => listener.Passed(marker, shard, token)), (_, exception, _) => Park(delivery, exception, cancel), cancel)
        : Park(delivery, delivery.Fault!, cancel);

    private async Task Listen(Func<TListener, Task> listen)
    {
        await using var scope = services.CreateAsyncScope();
        await listen(scope.ServiceProvider.GetRequiredService<TListener>());
    }
}
