using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>Works on what waits, of all organisations: what is new, and what a killed instance left. A lease is kept while its work lasts.</summary>
internal sealed partial class Workers : BackgroundService
{
    /// <summary>In one process.</summary>
    private const int MaxAtOnce = 4;

    private const string Topic = "cancel-operation";
    private const string FreeTopic = "hold-is-free";

    /// <summary>Within it is found what nobody told of: what another instance left, what is due again, a notice that was lost.</summary>
    public static readonly TimeSpan FoundWithin = TimeSpan.FromSeconds(1);


    private readonly WorkRun _run;
    private readonly ServiceDatabase _database;
    private readonly WorkTable _table;
    private readonly Claims _claims;
    private readonly WorkSignal _signal;
    private readonly Lookout _lookout;
    private readonly Replicas _replicas;
    private readonly TimeProvider _time;
    private readonly ILogger<Workers> _log;
    private readonly Dictionary<string, Worker> _workers;
    private readonly ConcurrentDictionary<Guid, Attempt> _running = [];
    private TaskCompletionSource _begun = New();

    public Workers(
        IEnumerable<Worker> workers, WorkRun run, ServiceDatabase database, WorkTable table, Claims claims, WorkSignal signal, Lookout lookout, Replicas replicas,
        TimeProvider time, ILogger<Workers> log)
    {
        (_run, _database, _table, _claims, _signal, _lookout, _replicas, _time, _log) = (run, database, table, claims, signal, lookout, replicas, time, log);
        _workers = workers.ToDictionary(worker => worker.Kind.Type);
        replicas.Hear(Topic, text =>
        {
            var space = text.IndexOf(' ', StringComparison.Ordinal);
            if (space > 0 && Guid.TryParse(text[..space], out var id))
            {
                CancelHere(id, text[(space + 1)..]);
            }
        });
        replicas.Hear(FreeTopic, _ => signal.Wake());
    }

    /// <summary>What is at work in this process.</summary>
    public IEnumerable<Operation> Running => _running.Values.Select(attempt => attempt.Operation);

    /// <summary>Completes while something is at work in this process.</summary>
    public Task AnyRunning()
    {
        var begun = Volatile.Read(ref _begun).Task;
        return _running.IsEmpty ? begun : Task.CompletedTask;
    }

    /// <summary>It is at work here: told of, and reached by a cancel.</summary>
    public Attempt Enter(Claim claim, CancellationToken stopping)
    {
        var attempt = new Attempt(new(claim, _table, _time), stopping);
        _running[claim.Id] = attempt;
        Interlocked.Exchange(ref _begun, New()).TrySetResult();
        return attempt;
    }

    public void Leave(Attempt attempt) => _running.TryRemove(new(attempt.Operation.Id, attempt));

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
        List<Task> working = [];
        while (!stoppingToken.IsCancellationRequested)
        {
            var woken = _signal.Next;
            try
            {
                working.RemoveAll(task => task.IsCompleted);
                while (working.Count < MaxAtOnce && await _claims.Next(stoppingToken) is { } claim)
                {
                    working.Add(Work(claim, stoppingToken));
                }
            }
            catch (Exception fault) when (!stoppingToken.IsCancellationRequested)
            {
                NotClaimed(Faults.IsTransient(fault) ? LogLevel.Warning : LogLevel.Error, fault);
            }

            _lookout.Ask(Claims.DueSql, FoundWithin, _signal.Wake);
            await Task.WhenAny([woken.WaitAsync(Lookout.LongestRest, _time, stoppingToken), .. working]);
        }

        await Task.WhenAll(working);
    }

    private async Task Work(Claim claim, CancellationToken stopping)
    {
        using var attempt = Enter(claim, stopping);
        var worker = _workers[claim.Started.OperationType];
        try
        {
            await _run.Run(worker, attempt, stopping);
        }
        finally
        {
            Leave(attempt);
            if (worker.Kind.Holds is not null)
            {
                // The place that it leaves here may be taken by other work.
                _replicas.Tell(FreeTopic);
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

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage("Long-running work was not looked for; it is tried again within a second")]
    private partial void NotClaimed(LogLevel level, Exception fault);
}
