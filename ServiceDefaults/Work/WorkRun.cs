using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>Makes one attempt at a piece of work: keeps its lease meanwhile, and stores what became of it.</summary>
internal sealed partial class WorkRun(IServiceScopeFactory scopes, WorkTable table, TimeProvider time, ILogger<WorkRun> log)
{
    private const int MaxResultBytes = 16 * 1024;
    private const int MaxErrorLength = 2_000;

    /// <summary>Work that always meets a database that is away is at fault itself.</summary>
    private const int MaxPardoned = 20;

    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan KeepInterval = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan FirstBackoff = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MaxBackoff = TimeSpan.FromMinutes(5);

    /// <summary>Stores what became of an attempt.</summary>
    private delegate Task Settle(ServiceDb db, CancellationToken cancel);

    /// <summary>Returns when the attempt is over and what became of it is stored, or the lease is somebody else's.</summary>
    public async Task Run(Worker worker, Attempt attempt, CancellationToken stopping)
    {
        using var done = new CancellationTokenSource();
        var keeping = Keep(attempt, done.Token);
        await WhileOurs(attempt, async claim =>
        {
            var ended = await Outcome(worker, attempt, stopping);
            await (ended is { } settle ? UntilStored(claim, settle, stopping) : table.Release(claim));
        });
        await done.CancelAsync();
        await keeping;
    }

    /// <summary>Begins work that the code at hand does: its lease is the caller's.</summary>
    public async Task Begin(Claim claim, CancellationToken cancel)
    {
        await using var scope = Scope(claim);
        await WorkTable.Begin(scope.ServiceProvider.GetRequiredService<ServiceDb>(), claim, cancel);
    }

    /// <summary>Ends such work; if that cannot be stored before the lease runs out, whoever finds it left behind does.</summary>
    public async Task End(Attempt attempt, string outcome, string? error = null, string? result = null, string? cancelledBy = null)
    {
        using var limit = new CancellationTokenSource(WorkTable.Lease, time);
        await WhileOurs(attempt, claim => UntilStored(claim, Ended(attempt, outcome, error, result, cancelledBy), limit.Token));
    }

    /// <returns>Null for null.</returns>
    /// <exception cref="InvalidOperationException">It is too large to be kept.</exception>
    public static string? Json(string type, object? result)
    {
        var json = result is null ? null : JsonSerializer.Serialize(result, OperationJson.Options);
        return json?.Length > MaxResultBytes
            ? throw new InvalidOperationException($"The result of {type} has {json.Length} characters; at most {MaxResultBytes} are kept.")
            : json;
    }

    private async Task WhileOurs(Attempt attempt, Func<Claim, Task> work)
    {
        var claim = attempt.Operation.Claim;
        try
        {
            await work(claim);
        }
        catch (LeaseLostException)
        {
            TakenOver(claim.Id);
        }
        catch (Exception fault)
        {
            // The lease runs out, and whoever takes it goes on from the checkpoint.
            LeftBehind(fault, claim.Id);
        }
    }

    /// <returns>What to store; null when the process stops and another instance is to go on.</returns>
    private async Task<Settle?> Outcome(Worker worker, Attempt attempt, CancellationToken stopping)
    {
        var claim = attempt.Operation.Claim;
        if (claim.CancelledBy is { } user)
        {
            attempt.Cancel(user);
        }

        if (attempt.Operation.IsCancelled)
        {
            return await Cancelled(worker, attempt, wasBegun: claim.Attempt > 1, stopping);
        }

        if (claim.Tries > worker.Kind.MaxAttempts)
        {
            return Ended(attempt, "failed", $"It was begun {worker.Kind.MaxAttempts} times, and its worker ended each time without a word.");
        }

        try
        {
            await using var scope = Scope(claim);
            var result = await worker.Do(scope.ServiceProvider, attempt.Operation, attempt.Wanted);
            var tooLate = attempt.Operation is { CancelledBy: not null, IsFinal: true } ? "It was past the point of no return when somebody cancelled it, and was done to its end." : null;
            return Ended(attempt, "completed", tooLate, Json(worker.Kind.Type, result));
        }
        catch (Exception fault) when (attempt is { IsLost: false, Operation.IsCancelled: true } && fault is not LeaseLostException)
        {
            return await Cancelled(worker, attempt, wasBegun: true, stopping);
        }
        catch (Exception fault)
        {
            return After(fault, worker, attempt, stopping);
        }
    }

    /// <summary>Before it ends as cancelled, what compensating steps did is taken back; that is tried again like the work itself.</summary>
    private async Task<Settle?> Cancelled(Worker worker, Attempt attempt, bool wasBegun, CancellationToken stopping)
    {
        var operation = attempt.Operation;
        if (worker.Compensate is null || !operation.MustCompensate)
        {
            return Ended(attempt, "cancelled", cancelledBy: operation.CancelledBy, wasBegun: wasBegun);
        }

        try
        {
            await operation.BeginToCompensate(attempt.Held);
            if (operation.Claim.Tries > worker.Kind.MaxAttempts)
            {
                return Ended(attempt, "failed", $"It was cancelled; {worker.Kind.MaxAttempts} times what it had done was to be taken back, and its worker ended each time without a word.");
            }

            await using var scope = Scope(operation.Claim);
            await worker.Compensate(scope.ServiceProvider, operation, attempt.Held);
            return Ended(attempt, "cancelled", cancelledBy: operation.CancelledBy, remaining: effects => effects?.Where(effect => !effect.IsTakenBack).ToArray());
        }
        catch (Exception fault)
        {
            return After(fault, worker, attempt, stopping);
        }
    }

    /// <summary>What follows from a fault.</summary>
    private Settle? After(Exception fault, Worker worker, Attempt attempt, CancellationToken stopping)
    {
        var claim = attempt.Operation.Claim;
        if (attempt.IsLost || fault is LeaseLostException)
        {
            throw new LeaseLostException(claim.Id);
        }

        if (stopping.IsCancellationRequested)
        {
            return null;
        }

        switch (fault)
        {
            case OperationReplannedException replanned:
                return (db, cancel) => WorkTable.Hold(db, claim, new(claim.Id, replanned.Plan, time.GetUtcNow()), cancel);
            case OperationRefusedException refusal:
                return Ended(attempt, "failed", refusal.Message);
        }

        // A database that was away says nothing about the work.
        var isPardoned = Faults.IsTransient(fault) && claim.Attempt < MaxPardoned;
        var isLast = claim.Tries >= worker.Kind.MaxAttempts && !isPardoned;
        Failed(isLast ? LogLevel.Error : LogLevel.Warning, fault, claim.Id, claim.Attempt);
        var error = "Something broke on our side; it is in the log under the operation's id.";
        if (isLast)
        {
            return Ended(attempt, "failed", error);
        }

        var backoff = TimeSpan.FromTicks(Math.Min(MaxBackoff.Ticks, FirstBackoff.Ticks << Math.Clamp(claim.Tries - 1, 0, 20)));
        return (db, cancel) => WorkTable.Retry(db, claim, attempt.Operation.Final() with { RetryAt = time.GetUtcNow() + backoff, Error = error }, isPardoned, cancel);
    }

    /// <param name="remaining">Of what it had done; all unless given.</param>
    private Settle Ended(
        Attempt attempt, string outcome, string? error = null, string? result = null, string? cancelledBy = null, bool wasBegun = true,
        Func<IReadOnlyList<OperationEffect>?, IReadOnlyList<OperationEffect>?>? remaining = null)
    {
        var claim = attempt.Operation.Claim;
        var ended = new OperationEnded(
            claim.Started, outcome, time.GetUtcNow(), wasBegun ? attempt.Operation.Final() : null, error?.Length > MaxErrorLength ? error[..MaxErrorLength] : error, result, cancelledBy);
        return (db, cancel) => WorkTable.End(db, claim, ended, remaining ?? (effects => effects), cancel);
    }

    /// <summary>The work is done: a database that is away is waited for as long as the lease is ours.</summary>
    private async Task UntilStored(Claim claim, Settle store, CancellationToken stopping)
    {
        while (true)
        {
            try
            {
                await using var scope = Scope(claim);
                // A stop gives it the time it needs.
                await store(scope.ServiceProvider.GetRequiredService<ServiceDb>(), CancellationToken.None);
                return;
            }
            catch (Exception fault) when (Faults.IsTransient(fault) && !stopping.IsCancellationRequested)
            {
                Waits(claim.Id, fault.Message);
                await Task.Delay(RetryInterval, time, stopping);
            }
        }
    }

    private AsyncServiceScope Scope(Claim claim)
    {
        var scope = scopes.CreateAsyncScope();
        scope.ServiceProvider.GetRequiredService<Caller>().ActFor(claim.OrgId, claim.Actor, new(claim.CorrelationId, null, claim.TraceParent, claim.Actor));
        return scope;
    }

    /// <summary>Keeps the lease, and hears of a cancel, until it is done or lost.</summary>
    public async Task Keep(Attempt attempt, CancellationToken done)
    {
        using var timer = new PeriodicTimer(KeepInterval, time);
        while (await timer.WaitForNextTickAsync(done).AsTask().ContinueWith(tick => tick is { IsCompletedSuccessfully: true, Result: true }, TaskScheduler.Default))
        {
            try
            {
                if (await table.Keep(attempt.Operation.Claim, done) is { } user)
                {
                    attempt.Cancel(user);
                }
            }
            catch (LeaseLostException)
            {
                attempt.Lose();
                return;
            }
            catch (Exception fault) when (!done.IsCancellationRequested)
            {
                Waits(attempt.Operation.Id, fault.Message);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    [LoggerMessage(LogLevel.Information, "Operation {Id} was taken over by another instance")]
    private partial void TakenOver(Guid id);

    [LoggerMessage(LogLevel.Error, "Operation {Id} is left to whoever takes its lease next")]
    private partial void LeftBehind(Exception fault, Guid id);

    [LoggerMessage("Operation {Id} failed at attempt {Attempt}")]
    private partial void Failed(LogLevel level, Exception fault, Guid id, int attempt);

    [LoggerMessage(LogLevel.Warning, "Operation {Id} waits: {Reason}")]
    private partial void Waits(Guid id, string reason);
}
