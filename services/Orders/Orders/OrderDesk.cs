using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Idempotency;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Telemetry;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Orders.Orders;

/// <summary>What became of it: the order, new or the one the same request made before, or why it is refused.</summary>
/// <param name="ByKey">The answer when the request's key says that there is nothing to do.</param>
internal readonly record struct Placement(Order? Order, bool IsNew = false, ProblemHttpResult? Refusal = null, KeyAnswer? ByKey = null);

/// <summary>
/// Stores new orders. An organisation's that come while earlier ones are being stored share a transaction: the busier the shop, the
/// less an order costs. Written by hand because it is the busiest path: one batch reads what is needed, one writes everything.
/// </summary>
internal sealed class OrderDesk : IDisposable
{
    private const int MostTogether = 64;

    /// <summary>A second's worth at least; who comes above it is told to come again.</summary>
    private const int MostWaiting = 1_000;

    private const int MostAlone = 8;
    private const int Attempts = 3;

    /// <summary>So long a transaction of somebody who stores the same order or customer may hold up the organisation's others.</summary>
    private static readonly TimeSpan MaxHoldUp = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan MaxWaitAlone = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _alone = new(MostAlone);
    private readonly IServiceProvider _services;
    private readonly OrderNumbers _numbers;
    private readonly OrganisationGathering<OrderRequest> _gathering;
    private readonly UpDownCounter<int> _waiting;
    private readonly Histogram<int> _together;

    public OrderDesk(IServiceProvider services, OrderNumbers numbers, IMeterFactory meters)
    {
        var meter = meters.Create("OpsPlatform");
        _waiting = meter.CreateUpDownCounter<int>("orders.desk.waiting", "{order}", "Requests to order that wait for their transaction or are in it.");
        _together = meter.CreateHistogram<int>("orders.desk.together", "{order}", "Requests to order in one transaction.");
        _services = services;
        _numbers = numbers;
        _gathering = new(MostTogether, PlaceTogether);
    }

    /// <summary>Once its transaction has begun a request is carried through, whether or not its caller waits.</summary>
    public async Task<Placement> Place(OrderRequest request)
    {
        var org = request.Behalf.Org;
        if (_gathering.Waiting(org) >= MostWaiting)
        {
            return new(null, Refusal: Problems.TooManyOrders());
        }

        using var leaving = request.Aborted.Register(request.Leave);
        var given = _gathering.Do(org, request);
        _waiting.Add(1);
        try
        {
            // The others it came with may take longer; and what broke before it was answered is told here.
            await await Task.WhenAny(request.Placed.Task, given);
            return await request.Placed.Task;
        }
        finally
        {
            _waiting.Add(-1);
        }
    }

    public void Dispose() => _alone.Dispose();

    private async Task PlaceTogether(Guid org, IReadOnlyList<OrderRequest> requests)
    {
        for (var left = requests; left.Count > 0;)
        {
            var round = left.Where(request => request.TryBegin()).ToArray();
            try
            {
                left = round.Length > 0 ? await StoreFinally(org, round, MaxHoldUp) : [];
            }
            catch (Exception fault) when (Faults.SqlState(fault) == PostgresErrorCodes.LockNotAvailable || (round.Length > 1 && !Faults.IsTransient(fault)))
            {
                // Only the one at fault is to fail, and who waits for another's open transaction holds up nobody.
                left = [];
                foreach (var request in round)
                {
                    _ = PlaceAlone(org, request);
                }
            }
            catch (Exception fault)
            {
                left = [];
                foreach (var request in round)
                {
                    request.Placed.TrySetException(fault);
                }
            }
        }
    }

    private async Task PlaceAlone(Guid org, OrderRequest request)
    {
        await _alone.WaitAsync();
        try
        {
            await StoreFinally(org, [request], MaxWaitAlone);
        }
        catch (Exception fault)
        {
            request.Placed.TrySetException(fault);
        }
        finally
        {
            _alone.Release();
        }
    }

    /// <returns>Those for the next transaction, because an order of this one has their id.</returns>
    private async Task<IReadOnlyList<OrderRequest>> StoreFinally(Guid org, OrderRequest[] requests, TimeSpan maxLockWait)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await Store(org, requests, maxLockWait);
            }
            catch (PostgresException lost) when (attempt < Attempts && lost.SqlState is PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.ForeignKeyViolation
                or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure)
            {
                // The next look finds what another replica stored meanwhile.
            }
        }
    }

    private async Task<IReadOnlyList<OrderRequest>> Store(Guid org, OrderRequest[] requests, TimeSpan maxLockWait)
    {
        _together.Record(requests.Length);
        using var activity = SharedWork.Start("place orders", ActivityKind.Internal, requests.Select(request => request.Behalf.Cause.TraceParent));
        await using var scope = _services.CreateAsyncScope();
        var caller = scope.ServiceProvider.GetRequiredService<Caller>();
        caller.ActFor(org, nameof(OrderDesk));
        var db = scope.ServiceProvider.GetRequiredService<OrdersDb>();
        await using var transaction = await db.Database.BeginTransactionAsync();
        var known = await OrderLook.Read(db.Connection, org, requests);
        var (placements, later) = await Decide(db, org, requests, known);
        await using var batch = new NpgsqlBatch(db.Connection);
        batch.BatchCommands.Add(new($"SET LOCAL lock_timeout = {maxLockWait.TotalMilliseconds}"));
        OrderInsert.AddTo(batch, caller, [.. placements.Where(x => x.Placement.IsNew).Select(x => new NewOrder(x.Placement.Order!, x.Request))], known);
        var answered = placements.Where(x => x is { Request.Key: not null, Placement.ByKey: null });
        var kept = await HeldKey.AddKeep(batch, answered.Select(x => (x.Request.Key!, x.Request.Answer(x.Placement))));
        await transaction.CommitWith(db, batch.BatchCommands);
        kept();
        placements.ForEach(x => x.Request.Placed.TrySetResult(x.Placement));
        return later;
    }

    private async Task<(List<(OrderRequest Request, Placement Placement)> Placements, IReadOnlyList<OrderRequest> Later)> Decide(
        OrdersDb db, Guid org, OrderRequest[] requests, OrderLook known)
    {
        List<(OrderRequest Request, Placement Placement)> placements = [];
        Dictionary<Guid, OrderRequest> accepted = [];
        List<OrderRequest> later = [];
        foreach (var request in requests)
        {
            if (await OrderTaking.Settled(db, request, known) is { } settled)
            {
                placements.Add((request, settled));
            }
            else if (!accepted.TryAdd(request.Draft.Id, request))
            {
                later.Add(request);
            }
        }

        if (accepted.Count > 0)
        {
            var number = await _numbers.Take(org, accepted.Count);
            placements.AddRange(accepted.Values.Select((request, index) => (request, new Placement(OrderTaking.Write(request.Draft, org, number + index, known), IsNew: true))));
        }

        return (placements, later);
    }
}
