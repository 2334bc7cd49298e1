using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Telemetry;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>Hands messages of all organisations to their listener, all that have come meanwhile at once, with nothing written for each.</summary>
internal sealed partial class LatestHearing<T, TListener>(
    IServiceProvider services, ServiceName service, Parking parking, TimeProvider time, ILogger<LatestHearing<T, TListener>> log)
    : Hearing<MessageGroup<T>>([Subscription.Of<T>(service.Value).Queue], Prefetch, parking, time)
    where T : class
    where TListener : class, IHearLatest<T>
{
    private const ushort Prefetch = 64;
    private const int Enough = 5_000;

    public override string Name => typeof(T).Name;

    protected override bool IsWhole(MessageGroup<T> message) => message.Items?.All(item => item is { Message: not null }) == true;

    protected override bool IsFull(IReadOnlyList<Delivery> batch) => batch.Sum(delivery => delivery.Message?.Items.Count ?? 0) >= Enough;

    protected override TimeSpan RestAfter(IReadOnlyList<Delivery> batch) => TimeSpan.Zero;

    protected override async Task Apply(IReadOnlyList<Delivery> batch, CancellationToken cancel)
    {
        foreach (var unreadable in batch.Where(delivery => delivery.Message is null))
        {
            await Park(unreadable, unreadable.Fault!, cancel);
        }

        using var activity = SharedWork.Start($"{typeof(TListener).Name} hear", ActivityKind.Consumer, [null]);
        await using var scope = services.CreateAsyncScope();
        try
        {
            await scope.ServiceProvider.GetRequiredService<TListener>().Hear([.. batch.SelectMany(delivery => delivery.Message?.Items ?? [])], cancel);
        }
        catch (Exception fault) when (!cancel.IsCancellationRequested)
        {
            Dropped(Faults.IsTransient(fault) ? LogLevel.Warning : LogLevel.Error, fault, Name);
        }
    }

    // The level is the fault's.
    [LoggerMessage(Message = "Some {Message} were dropped; later ones follow")]
    private partial void Dropped(LogLevel level, Exception fault, string message);
}
