using System.Diagnostics;
using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Telemetry;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>Hands a group to its listener, organisation by organisation: one transaction with the inbox rows, so that twice delivered is once applied.</summary>
internal sealed class GroupConsumer<T, TListener> : IConsumer<MessageGroup<T>>
    where T : class
    where TListener : class, IHear<T>
{
    private const string InboxSql = """
        WITH fresh AS (
          INSERT INTO inbox (consumer, message_id) SELECT $1, unnest($2::uuid[]) ON CONFLICT DO NOTHING RETURNING message_id
        ), heard AS (
          INSERT INTO hops (org_id, correlation_id, what, name, listener, message_id, causation_id, traceparent, at)
          SELECT current_org(), m.correlation_id, 'heard', $3, $1, m.id, m.causation_id, m.traceparent, clock_timestamp()
          FROM unnest($2::uuid[], $4::uuid[], $5::uuid[], $6::text[]) AS m (id, correlation_id, causation_id, traceparent) JOIN fresh ON fresh.message_id = m.id
          WHERE current_org() IS NOT NULL
        )
        SELECT message_id FROM fresh
        """;

    /// <summary>Messages applied at once; a batch of one organisation is one transaction.</summary>
    private const int MaxGathered = 200;

    private static readonly string Consumer = typeof(TListener).Name;
    private readonly IServiceProvider _services;
    private readonly Gathering<Envelope<T>> _gathering;

    public GroupConsumer(IServiceProvider services, TimeSpan rest)
    {
        _services = services;
        _gathering = new(MaxGathered, rest, ApplyAll);
    }

    public async Task Consume(ConsumeContext<MessageGroup<T>> context)
    {
        await _services.GetRequiredService<ServiceDatabase>().Ready.WaitAsync(context.CancellationToken);
        await _gathering.Do(context.Message.Items, context.CancellationToken);
    }

    private async Task ApplyAll(IReadOnlyList<Envelope<T>> items, CancellationToken cancel)
    {
        var patience = _services.GetRequiredService<Patience>();
        var parking = _services.GetRequiredService<Parking>();
        var queue = Subscription.Of<T>(_services.GetRequiredService<ServiceName>().Value).Queue;
        foreach (var organisation in items.GroupBy(item => item.OrgId))
        {
            await patience.Apply(
                [.. organisation.DistinctBy(item => item.Id)],
                Apply,
                (item, exception, attempts) => parking.Park(queue, item, exception, attempts, cancel),
                cancel);
        }
    }

    private async Task Apply(IReadOnlyList<Envelope<T>> items, CancellationToken cancel)
    {
        var first = items[0];
        using var activity = SharedWork.Start($"{Consumer} apply", ActivityKind.Consumer, items.Select(item => item.TraceParent));
        await using var scope = _services.CreateAsyncScope();
        scope.ServiceProvider.GetRequiredService<Caller>().ActFor(first.OrgId, first.Actor ?? Consumer, first.Cause());
        var db = scope.ServiceProvider.GetRequiredService<ServiceDb>();
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var fresh = await NotApplied((NpgsqlConnection)db.Database.GetDbConnection(), items, cancel);
        if (fresh.Count == 0)
        {
            return;
        }

        await scope.ServiceProvider.GetRequiredService<TListener>().Hear(fresh, cancel);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
    }

    private static async Task<IReadOnlyList<Envelope<T>>> NotApplied(NpgsqlConnection connection, IReadOnlyList<Envelope<T>> items, CancellationToken cancel)
    {
        // In id order, so that two replicas given the same messages wait for each other instead of deadlocking.
        Envelope<T>[] ordered = [.. items.OrderBy(item => item.Id)];
        await using var note = new NpgsqlCommand(InboxSql, connection)
        {
            Parameters =
            {
                new() { Value = Consumer },
                new() { Value = ordered.Select(item => item.Id).ToArray() },
                new() { Value = typeof(T).Name },
                new() { Value = ordered.Select(item => item.CorrelationId).ToArray() },
                new() { Value = ordered.Select(item => item.CausationId).ToArray() },
                new() { Value = ordered.Select(item => item.TraceParent).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text },
            },
        };
        HashSet<Guid> fresh = [];
        await using var rows = await note.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            fresh.Add(rows.GetGuid(0));
        }

        return [.. items.Where(item => fresh.Contains(item.Id))];
    }
}
