using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>A kind of work that this service does, and how.</summary>
internal sealed record Worker(OperationKind Kind, Func<IServiceProvider, Operation, CancellationToken, Task<object?>> Do)
{
    public static Worker Of<TWork, TArgs>()
        where TWork : class, IDoOperation<TArgs>
        where TArgs : class => new(TWork.Kind, (services, operation, cancel) =>
            services.GetRequiredService<TWork>().Do(JsonSerializer.Deserialize<TArgs>(operation.Claim.Args, OperationJson.Options)!, operation, cancel));
}

/// <summary>Works on what waits, of all organisations: what is new, and what a killed instance left. A lease is kept while its work lasts.</summary>
internal sealed partial class Workers : BackgroundService
{
    /// <summary>In one process.</summary>
    private const int MaxAtOnce = 4;

    private const int MaxResultBytes = 16 * 1024;
    private const int MaxErrorLength = 2_000;
    private const string Topic = "cancel-operation";

    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan KeepInterval = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan FirstBackoff = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MaxBackoff = TimeSpan.FromMinutes(5);

    private readonly IServiceScopeFactory _scopes;
    private readonly ServiceDatabase _database;
    private readonly WorkTable _table;
    private readonly WorkSignal _signal;
    private readonly Replicas _replicas;
    private readonly TimeProvider _time;
    private readonly ILogger<Workers> _log;
    private readonly Dictionary<string, Worker> _workers;
    private readonly ConcurrentDictionary<Guid, Attempt> _running = [];
    private TaskCompletionSource _begun = New();

    public Workers(
        IEnumerable<Worker> workers, IServiceScopeFactory scopes, ServiceDatabase database, WorkTable table, WorkSignal signal, Replicas replicas, TimeProvider time, ILogger<Workers> log)
    {
        (_scopes, _database, _table, _signal, _replicas, _time, _log) = (scopes, database, table, signal, replicas, time, log);
        _workers = workers.ToDictionary(worker => worker.Kind.Type);
        replicas.Hear(Topic, text =>
        {
            var space = text.IndexOf(' ', StringComparison.Ordinal);
            if (space > 0 && Guid.TryParse(text[..space], out var id))
            {
                CancelHere(id, text[(space + 1)..]);
            }
        });
    }

    /// <summary>What is at work in this process.</summary>
    public IEnumerable<Operation> Running => _running.Values.Select(attempt => attempt.Operation);

    /// <summary>Completes while something is at work in this process.</summary>
    public Task AnyRunning()
    {
        var begun = Volatile.Read(ref _begun).Task;
        return _running.IsEmpty ? begun : Task.CompletedTask;
    }

    /// <summary>Stops the work wherever it is under way. What the table says stands behind it: a notice may be lost.</summary>
    public void Cancel(Guid id, string userId)
    {
        CancelHere(id, userId);
        _replicas.Tell(Topic, $"{id} {userId}");
        _signal.Wake();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await _database.Ready.WaitAsync(stoppingToken);
        string[] types = [.. _workers.Keys];
        List<Task> working = [];
        while (!stoppingToken.IsCancellationRequested)
        {
            var woken = _signal.Next;
            try
            {
                working.RemoveAll(task => task.IsCompleted);
                while (working.Count < MaxAtOnce && await _table.Claim(types, stoppingToken) is { } claim)
                {
                    working.Add(Work(claim, stoppingToken));
                }
            }
            catch (Exception fault) when (!stoppingToken.IsCancellationRequested)
            {
                NotClaimed(Faults.IsTransient(fault) ? LogLevel.Warning : LogLevel.Error, fault);
            }

            await Task.WhenAny([woken.WaitAsync(PollInterval, _time, stoppingToken), .. working]);
        }

        await Task.WhenAll(working);
    }

    private async Task Work(Claim claim, CancellationToken stopping)
    {
        using var attempt = new Attempt(new(claim, _time), stopping);
        _running[claim.Id] = attempt;
        Interlocked.Exchange(ref _begun, New()).TrySetResult();
        using var done = new CancellationTokenSource();
        var keeping = Keep(attempt, done.Token);
        try
        {
            var ended = await Outcome(attempt, stopping);
            if (ended is { } settle)
            {
                await UntilStored(claim, settle, stopping);
            }
            else
            {
                await _table.Release(claim);
            }
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
        finally
        {
            _running.TryRemove(new(claim.Id, attempt));
            await done.CancelAsync();
            await keeping;
        }
    }

    /// <returns>What to store; null when the process stops and another instance is to go on.</returns>
    private async Task<Func<ServiceDb, CancellationToken, Task>?> Outcome(Attempt attempt, CancellationToken stopping)
    {
        var claim = attempt.Operation.Claim;
        var worker = _workers[claim.Started.OperationType];
        if (claim.CancelledBy is not null)
        {
            return End(attempt, "cancelled", cancelledBy: claim.CancelledBy, wasBegun: claim.Attempt > 1);
        }

        if (claim.Attempt > worker.Kind.MaxAttempts)
        {
            return End(attempt, "failed", $"It was begun {worker.Kind.MaxAttempts} times, and its worker ended each time without a word.");
        }

        try
        {
            await using var scope = Scope(claim);
            var result = await worker.Do(scope.ServiceProvider, attempt.Operation, attempt.Token);
            var json = result is null ? null : JsonSerializer.Serialize(result, OperationJson.Options);
            return json?.Length > MaxResultBytes
                ? throw new InvalidOperationException($"The result of {worker.Kind.Type} has {json.Length} characters; at most {MaxResultBytes} are kept.")
                : End(attempt, "completed", result: json);
        }
        catch (LeaseLostException)
        {
            throw;
        }
        catch (Exception) when (attempt.IsLost)
        {
            throw new LeaseLostException(claim.Id);
        }
        catch (Exception) when (attempt.CancelledBy is not null)
        {
            return End(attempt, "cancelled", cancelledBy: attempt.CancelledBy);
        }
        catch (Exception) when (stopping.IsCancellationRequested)
        {
            return null;
        }
        catch (OperationRefusedException refusal)
        {
            return End(attempt, "failed", refusal.Message);
        }
        catch (Exception fault)
        {
            var isLast = claim.Attempt >= worker.Kind.MaxAttempts;
            Failed(isLast ? LogLevel.Error : LogLevel.Warning, fault, claim.Id, claim.Attempt);
            var error = "Something broke on our side; it is in the log under the operation's id.";
            if (isLast)
            {
                return End(attempt, "failed", error);
            }

            var backoff = TimeSpan.FromTicks(Math.Min(MaxBackoff.Ticks, FirstBackoff.Ticks << Math.Min(claim.Attempt - 1, 20)));
            return (db, cancel) => WorkTable.Retry(db, claim, attempt.Operation.Final() with { RetryAt = _time.GetUtcNow() + backoff, Error = error }, cancel);
        }
    }

    private Func<ServiceDb, CancellationToken, Task> End(
        Attempt attempt, string outcome, string? error = null, string? result = null, string? cancelledBy = null, bool wasBegun = true)
    {
        var claim = attempt.Operation.Claim;
        var ended = new OperationEnded(
            claim.Started, outcome, _time.GetUtcNow(), wasBegun ? attempt.Operation.Final() : null, error?.Length > MaxErrorLength ? error[..MaxErrorLength] : error, result, cancelledBy);
        return (db, cancel) => WorkTable.End(db, claim, ended, cancel);
    }

    /// <summary>The work is done: a database that is away is waited for as long as the lease is ours.</summary>
    private async Task UntilStored(Claim claim, Func<ServiceDb, CancellationToken, Task> store, CancellationToken stopping)
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
                await Task.Delay(PollInterval, _time, stopping);
            }
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private AsyncServiceScope Scope(Claim claim)
    {
        var scope = _scopes.CreateAsyncScope();
        scope.ServiceProvider.GetRequiredService<Caller>().ActFor(claim.OrgId, claim.Actor, new(claim.CorrelationId, null, claim.TraceParent, claim.Actor));
        return scope;
    }

    private async Task Keep(Attempt attempt, CancellationToken done)
    {
        using var timer = new PeriodicTimer(KeepInterval, _time);
        while (await timer.WaitForNextTickAsync(done).AsTask().ContinueWith(tick => tick is { IsCompletedSuccessfully: true, Result: true }, TaskScheduler.Default))
        {
            try
            {
                if (await _table.Keep(attempt.Operation.Claim, done) is { } user)
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

    private void CancelHere(Guid id, string userId)
    {
        if (_running.TryGetValue(id, out var attempt))
        {
            attempt.Cancel(userId);
        }
    }

    [LoggerMessage("Long-running work was not looked for; the next poll does it")]
    private partial void NotClaimed(LogLevel level, Exception fault);

    [LoggerMessage(LogLevel.Information, "Operation {Id} was taken over by another instance")]
    private partial void TakenOver(Guid id);

    [LoggerMessage(LogLevel.Error, "Operation {Id} is left to whoever takes its lease next")]
    private partial void LeftBehind(Exception fault, Guid id);

    [LoggerMessage("Operation {Id} failed at attempt {Attempt}")]
    private partial void Failed(LogLevel level, Exception fault, Guid id, int attempt);

    [LoggerMessage(LogLevel.Warning, "Operation {Id} waits: {Reason}")]
    private partial void Waits(Guid id, string reason);
}
