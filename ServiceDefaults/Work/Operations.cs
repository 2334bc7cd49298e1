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
public sealed class Operations(ServiceDb db, Caller caller, ServiceName service, WorkSignal signal, TimeProvider time)
{
    /// <summary>Adds the work to what the next SaveChanges stores; call <see cref="Wake"/> after it.</summary>
    /// <param name="id">The operation's id; it must be new.</param>
    /// <param name="plan">It begins only once this is agreed to; null when nobody has to.</param>
    public void Add<TWork, TArgs>(Guid id, TArgs args, OperationSubject subject, OperationPlan? plan = null)
        where TWork : class, IDoOperation<TArgs>
        where TArgs : class
    {
        var kind = TWork.Kind;
        var actor = caller.Actor ?? service.Value;
        var started = new OperationStarted(
            id, kind.Type, service.Value, subject.DisplayName, actor, time.GetUtcNow(), kind.Steps, kind.MaxAttempts, subject.EntityType, subject.EntityId,
            subject.Context is null ? null : JsonSerializer.Serialize(subject.Context, OperationJson.Options), subject.Tags, plan, subject.ParentId, subject.Weight);
        db.Add(new WorkRow
        {
            OrgId = caller.Org,
            Id = id,
            OperationType = kind.Type,
            Started = JsonSerializer.Serialize(started, OperationJson.Options),
            Args = JsonSerializer.Serialize(args, OperationJson.Options),
            Actor = actor,
            CorrelationId = caller.CorrelationId,
            Traceparent = caller.TraceParent,
            PlanDigest = plan?.Digest,
            NextAttemptAt = plan is null ? null : DateTimeOffset.MaxValue,
        });
        db.Publish(started);
    }

    /// <summary>Adds a batch to what the next SaveChanges stores: the work whose subject names it as parent says how far it is, and it ends with the last of that.</summary>
    /// <param name="id">The operation's id; it must be new.</param>
    /// <param name="type">The service and what is done, such as orders.exports.</param>
    /// <param name="children">How many there will be.</param>
    public void AddBatch(Guid id, string type, OperationSubject subject, int children) => db.Publish(new OperationStarted(
        id, type, service.Value, subject.DisplayName, caller.Actor ?? service.Value, time.GetUtcNow(), [], 1, subject.EntityType, subject.EntityId,
        subject.Context is null ? null : JsonSerializer.Serialize(subject.Context, OperationJson.Options), subject.Tags, null, subject.ParentId, subject.Weight, true, children));

    /// <returns>True until the work has ended, however it does.</returns>
    public Task<bool> IsUnderWay(Guid id, CancellationToken cancel) =>
        db.Database.SqlQuery<bool>($"SELECT EXISTS (SELECT FROM operation_work WHERE id = {id} AND state <> 'ended') AS \"Value\"").SingleAsync(cancel);

    /// <returns>The id of work of this kind on that entity that has not ended, or null.</returns>
    public async Task<Guid?> UnderWay<TWork, TArgs>(string entityId, CancellationToken cancel)
        where TWork : class, IDoOperation<TArgs>
        where TArgs : class
    {
        var type = TWork.Kind.Type;
        return (await db.Database.SqlQuery<Guid>(
            $"""SELECT id AS "Value" FROM operation_work WHERE state <> 'ended' AND operation_type = {type} AND started ->> 'entityId' = {entityId} LIMIT 1""").ToListAsync(cancel))
            .Select(id => (Guid?)id).SingleOrDefault();
    }

    /// <summary>Lets this instance look for work at once; without it, it is found within a second.</summary>
    public void Wake() => signal.Wake();

    /// <summary>Where the answer's reader follows the work: Operation-Location and Retry-After, as pollers of long-running operations read them.</summary>
    public static void Point(HttpContext http, Guid id)
    {
        http.Response.Headers["Operation-Location"] = $"/operations/{id}/status";
        http.Response.Headers.RetryAfter = "1";
    }
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
public sealed class WorkSignal
{
    private TaskCompletionSource _woken = New();

    internal Task Next => Volatile.Read(ref _woken).Task;

    internal void Wake() => Interlocked.Exchange(ref _woken, New()).TrySetResult();

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
