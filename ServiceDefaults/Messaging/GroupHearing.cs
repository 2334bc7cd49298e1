using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Telemetry;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>Hands groups to their listener, organisation by organisation: one transaction with the inbox rows, so that twice delivered is once applied.</summary>
/// <param name="rest">After a batch of several that was not full, for a listener that may be late.</param>
internal sealed class GroupHearing<T, TListener>(
    IServiceProvider services, ServiceName service, Patience patience, Parking parking, TimeProvider time, TimeSpan rest)
    : Hearing<MessageGroup<T>>([Subscription.Of<T>(service.Value).Queue], Prefetch, parking, time)
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

    /// <summary>Groups taken while others are applied, to be applied together next.</summary>
    private const ushort Prefetch = 16;

    /// <summary>Messages after which no further group is added; those of one organisation are one transaction.</summary>
    private const int Enough = 200;

    private static readonly string Consumer = typeof(TListener).Name;
    private readonly Parking _parking = parking;

    public override string Name => typeof(T).Name;

    protected override bool IsWhole(MessageGroup<T> message) => message.Items?.All(item => item is { Message: not null }) == true;

    protected override bool IsFull(IReadOnlyList<Delivery> batch) => Count(batch) >= Enough;

    protected override TimeSpan RestAfter(IReadOnlyList<Delivery> batch) => Count(batch) is > 1 and < Enough ? rest : TimeSpan.Zero;

    protected override async Task Apply(IReadOnlyList<Delivery> batch, CancellationToken cancel)
    {
        foreach (var unreadable in batch.Where(delivery => delivery.Message is null))
        {
            await Park(unreadable, unreadable.Fault!, cancel);
        }

        foreach (var organisation in batch.SelectMany(delivery => delivery.Message?.Items ?? []).GroupBy(item => item.OrgId))
        {
            await patience.Apply(
                [.. organisation.DistinctBy(item => item.Id)],
                Apply,
                (item, exception, attempts) => _parking.Park(batch[0].Queue, item, exception, attempts, cancel),
                cancel);
        }
    }

    private static int Count(IReadOnlyList<Delivery> batch) => batch.Sum(delivery => delivery.Message?.Items.Count ?? 0);

    private async Task Apply(IReadOnlyList<Envelope<T>> items, CancellationToken cancel)
    {
        var first = items[0];
        using var activity = SharedWork.Start($"{Consumer} apply", ActivityKind.Consumer, items.Select(item => item.TraceParent));
        await using var scope = services.CreateAsyncScope();
        scope.ServiceProvider.GetRequiredService<Caller>().ActFor(first.OrgId, first.Actor ?? Consumer, first.Cause());
        var db = scope.ServiceProvider.GetRequiredService<ServiceDb>();
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var fresh = await NotApplied((NpgsqlConnection)db.Database.GetDbConnection(), items, cancel);
        if (fresh.Count == 0)
        {
            return;
        }

        db.Last = [];
        await scope.ServiceProvider.GetRequiredService<TListener>().Hear(fresh, cancel);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitWith(db, db.Last);
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
