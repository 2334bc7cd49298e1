using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>What an operation is about, for people and for finding it.</summary>
/// <param name="EntityType">With <paramref name="EntityId"/>: the one thing it works on.</param>
/// <param name="Context">An object that becomes JSON of at most 16 KiB.</param>
/// <param name="ParentId">The operation it is a part of.</param>
/// <param name="Weight">Its share of its parent, when that is a batch, beside those of the other children.</param>
public sealed record OperationSubject(
    string DisplayName, string? EntityType = null, string? EntityId = null, object? Context = null, IReadOnlyList<string>? Tags = null,
    Guid? ParentId = null, double Weight = 1);

/// <summary>Starts long-running work of this service on behalf of the caller.</summary>
public sealed class Operations
{
    private readonly ServiceDb _db;
    private readonly Caller _caller;
    private readonly ServiceName _service;
    private readonly WorkSignal _signal;
    private readonly Workers _workers;
    private readonly WorkRun _run;
    private readonly TimeProvider _time;

    internal Operations(ServiceDb db, Caller caller, ServiceName service, WorkSignal signal, Workers workers, WorkRun run, TimeProvider time) =>
        (_db, _caller, _service, _signal, _workers, _run, _time) = (db, caller, service, signal, workers, run, time);

    /// <summary>Adds the work to what the next SaveChanges stores; call <see cref="Wake"/> after it.</summary>
    /// <param name="id">The operation's id; it must be new.</param>
    /// <param name="plan">It begins only once this is agreed to; null when nobody has to.</param>
    /// <param name="undoes">The operation that it undoes.</param>
    public void Add<TWork, TArgs>(Guid id, TArgs args, OperationSubject subject, OperationPlan? plan = null, Guid? undoes = null)
        where TWork : class, IDoOperation<TArgs>
        where TArgs : class
    {
        var kind = TWork.Kind;
        var started = Started(id, kind, subject) with { Plan = plan, CanUndo = typeof(TWork).IsAssignableTo(typeof(IUndo<TArgs>)), Undoes = undoes };
        _db.Add(new WorkRow
        {
            OrgId = _caller.Org,
            Id = id,
            OperationType = kind.Type,
            Started = JsonSerializer.Serialize(started, OperationJson.Options),
            Args = JsonSerializer.Serialize(args, OperationJson.Options),
            Actor = started.UserId,
            CorrelationId = _caller.CorrelationId,
            Traceparent = _caller.TraceParent,
            PlanDigest = plan?.Digest,
            NextAttemptAt = plan is null ? null : DateTimeOffset.MaxValue,
        });
        _db.Publish(started);
    }

    /// <summary>
    /// Starts work that the code at hand does itself, at once and in a transaction of its own: <c>await using var operation = await operations.Start(…)</c>. Its
    /// kind is listed by <see cref="OperationWorkers.Start"/>, and is not tried again.
    /// </summary>
    /// <param name="cancel">Cuts the operation's own token too.</param>
    /// <exception cref="InvalidOperationException">The kind holds something: such work may have to wait, and a request would wait with it.</exception>
    public async Task<StartedOperation> Start(OperationKind kind, OperationSubject subject, CancellationToken cancel)
    {
        if (kind.Holds is { } hold)
        {
            throw new InvalidOperationException($"{kind.Type} holds {hold.Name} and may have to wait for it: start it by Add.");
        }

        var started = Started(Guid.CreateVersion7(_time.GetUtcNow()), kind with { MaxAttempts = 1 }, subject);
        var claim = new Claim(
            _caller.Org, started.OperationId, started, Args: "{}", Checkpoint: null, started.UserId, _caller.CorrelationId, _caller.TraceParent, Attempt: 1, Fence: 1,
            CancelledBy: null, ApprovedDigest: null, Pardoned: 0, EnteredStep: 0, Effects: null, IsCompensating: false);
        await _run.Begin(claim, cancel);
        return new(_workers, _run, _workers.Enter(claim, cancel));
    }

    /// <summary>Adds a batch to what the next SaveChanges stores: the work whose subject names it as parent says how far it is, and it ends with the last of that.</summary>
    /// <param name="id">The operation's id; it must be new.</param>
    /// <param name="type">The service and what is done, such as orders.exports.</param>
    /// <param name="children">How many there will be.</param>
    public void AddBatch(Guid id, string type, OperationSubject subject, int children) =>
        _db.Publish(Started(id, new(type, [], MaxAttempts: 1), subject) with { RollsUp = true, ExpectedChildren = children });

    /// <returns>True until the work has ended, however it does.</returns>
    public Task<bool> IsUnderWay(Guid id, CancellationToken cancel) =>
        _db.Database.SqlQuery<bool>($"SELECT EXISTS (SELECT FROM operation_work WHERE id = {id} AND state <> 'ended') AS \"Value\"").SingleAsync(cancel);

    /// <returns>The id of work of this kind on that entity that has not ended, or null.</returns>
    public async Task<Guid?> UnderWay<TWork, TArgs>(string entityId, CancellationToken cancel)
        where TWork : class, IDoOperation<TArgs>
        where TArgs : class
    {
        var type = TWork.Kind.Type;
        return (await _db.Database.SqlQuery<Guid>(
            $"""SELECT id AS "Value" FROM operation_work WHERE state <> 'ended' AND operation_type = {type} AND started ->> 'entityId' = {entityId} LIMIT 1""").ToListAsync(cancel))
            .Select(id => (Guid?)id).SingleOrDefault();
    }

    /// <summary>Lets this instance look for work at once; without it, it is found within a second.</summary>
    public void Wake() => _signal.Wake();

    /// <summary>Where the answer's reader follows the work: Operation-Location and Retry-After, as pollers of long-running operations read them.</summary>
    public static void Point(HttpContext http, Guid id)
    {
        http.Response.Headers["Operation-Location"] = $"/operations/{id}/status";
        http.Response.Headers.RetryAfter = "1";
    }

    private OperationStarted Started(Guid id, OperationKind kind, OperationSubject subject) => new(
        id, kind.Type, _service.Value, subject.DisplayName, _caller.Actor ?? _service.Value, _time.GetUtcNow(), kind.Steps, kind.MaxAttempts, subject.EntityType, subject.EntityId,
        subject.Context is null ? null : JsonSerializer.Serialize(subject.Context, OperationJson.Options), subject.Tags,
        ParentId: subject.ParentId, Weight: subject.Weight);
}

/// <summary>Work of one operation, as it waits for its turn.</summary>
internal sealed class WorkRow
{
    public Guid OrgId { get; init; }

    public Guid Id { get; init; }

    public required string OperationType { get; init; }

    public required string Started { get; init; }

    public required string Args { get; init; }

    public required string Actor { get; init; }

    public Guid CorrelationId { get; init; }

    public string? Traceparent { get; init; }

    public string? PlanDigest { get; init; }

    /// <summary>Now unless given; the end of time, which the database calls infinity, until its plan is agreed to.</summary>
    public DateTimeOffset? NextAttemptAt { get; init; }
}

/// <summary>Wakes the instance's workers.</summary>
public sealed class WorkSignal : Signal;
