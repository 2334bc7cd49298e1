using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>
/// Hands captured changes to their listener, which knows by itself what it has seen. One for all shards: each gives its next message
/// when the last is done, so that what waits in several is heard at once and each shard's order stays.
/// </summary>
internal sealed class ChangeConsumer<TListener> : IConsumer<ChangeBatch>
    where TListener : class, IHearChanges
{
    private const int MaxGathered = 2_000;
    private readonly IServiceProvider _services;
    private readonly Gathering<(string Service, int Shard, CapturedChange Change)> _gathering;

    public ChangeConsumer(IServiceProvider services)
    {
        _services = services;
        _gathering = new(MaxGathered, HearAll);
    }

    public async Task Consume(ConsumeContext<ChangeBatch> context)
    {
        var cancel = context.CancellationToken;
        var batch = context.Message;
        await _services.GetRequiredService<ServiceDatabase>().Ready.WaitAsync(cancel);
        if (batch.Marker is { } marker)
        {
            await Listen(listener => listener.Passed(marker, batch.Shard, cancel));
        }
        else
        {
            await _gathering.Do([.. batch.Changes.Select(change => (batch.Service, batch.Shard, change))], cancel);
        }
    }

    private async Task HearAll(IReadOnlyList<(string Service, int Shard, CapturedChange Change)> items, CancellationToken cancel)
    {
        foreach (var service in items.GroupBy(item => item.Service))
        {
            await _services.GetRequiredService<Patience>().Apply(
                [.. service],
                (changes, token) => Listen(listener => listener.Hear(service.Key, [.. changes.Select(item => item.Change)], token)),
                (item, exception, attempts) => _services.GetRequiredService<Parking>().Park(
                    Topology.ChangeQueue(item.Shard), new ChangeBatch(item.Service, item.Shard, [item.Change]), exception, attempts, cancel),
                cancel);
        }
    }

    private async Task Listen(Func<TListener, Task> listen)
    {
        await using var scope = _services.CreateAsyncScope();
        await listen(scope.ServiceProvider.GetRequiredService<TListener>());
    }
}
