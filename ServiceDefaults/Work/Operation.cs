using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>One attempt at a piece of long-running work, as its worker sees it.</summary>
public sealed class Operation : IProgress<OperationProgress>
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly WorkTable _table;
    private readonly IReadOnlyList<OperationStep> _leaves;
    private readonly DateTimeOffset _startedAt;
    private readonly Effects _effects;
    private readonly Description _description = new();
    private Claim _claim;
    private int _entered;
    private int _step;
    private OperationProgress _progress = new(0);
    private DateTimeOffset _advancedAt;
    private long _sequence;
    private long _sentAt;
    private bool _hasNews = true;
    private bool _isOver;
    private OperationWait? _waitsFor;
    private Guid? _blockedBy;

    internal Operation(Claim claim, WorkTable table, TimeProvider time)
    {
        (_claim, _table, _time) = (claim, table, time);
        _leaves = OperationStep.Leaves(claim.Started.Steps);
        _startedAt = _advancedAt = time.GetUtcNow();
        _effects = new(claim.Effects);
        _entered = claim.EnteredStep;
        _step = Math.Max(1, _entered);
    }

    public Guid Id => _claim.Id;

    public Guid Org => _claim.OrgId;

    /// <summary>From 1.</summary>
    public int Attempt => _claim.Attempt;

    /// <summary>Of the plan that was agreed to: compare it with what would be done now, in the transaction that does it. Null when nobody had to agree.</summary>
    public string? ApprovedDigest => _claim.ApprovedDigest;

    internal Claim Claim => _claim;

    /// <summary>Who asked for it to be cancelled, whether or not that came in time.</summary>
    internal string? CancelledBy { get; private set; }

    /// <summary>Nothing more is to be done for it.</summary>
    internal bool IsCancelled { get; private set; }

    /// <summary>A cancel comes too late.</summary>
    internal bool IsFinal => CancelNow == StepCancel.Final;

    /// <summary>What it did is taken back before it is cancelled.</summary>
    internal bool MustCompensate => CancelNow == StepCancel.Compensating;

    private string CancelNow => StepCancel.At(_leaves, _entered);

    /// <summary>What the last <see cref="Save"/> of any attempt stored, or null.</summary>
    public T? Checkpoint<T>()
        where T : class => _claim.Checkpoint is { } json ? JsonSerializer.Deserialize<T>(json, OperationJson.Options) : null;

    /// <summary>Goes to a leaf of the kind's steps, from 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The kind has no such step.</exception>
    /// <exception cref="InvalidOperationException">From that step on a cancel does something else: see <see cref="Enter"/>.</exception>
    public void Step(int number)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(number, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(number, _leaves.Count);
        lock (_lock)
        {
            if (number > _entered && _leaves[number - 1].IsEntered())
            {
                throw new InvalidOperationException($"Step {number} of {_claim.Started.OperationType} is {_leaves[number - 1].Cancel}: go there by Enter.");
            }

            (_step, _progress, _advancedAt, _hasNews) = (number, new(0), _time.GetUtcNow(), true);
            _effects.Tell();
        }
    }

    /// <summary>
    /// Goes to a step from which on a cancel does something else than before; that is stored first, so call it outside of a transaction. Of two,
    /// the cancel and this, the first counts.
    /// </summary>
    /// <exception cref="OperationCanceledException">It was cancelled: nothing of the step may be done.</exception>
    /// <exception cref="LeaseLostException">Another instance works on it.</exception>
    public async Task Enter(int number, CancellationToken cancel)
    {
        if (_leaves[number - 1].IsEntered() && await _table.Enter(_claim, number, IsFinal, cancel) is { } user)
        {
            TryCancel(user);
        }

        lock (_lock)
        {
            if (IsCancelled)
            {
                throw new OperationCanceledException($"Operation {Id} was cancelled before its step {number}.");
            }

            _entered = Math.Max(_entered, number);
        }

        Step(number);
    }

    /// <summary>
    /// So many of these have been done by now, in all attempts: they stay, whatever becomes of the operation, but a cancel takes back what compensating
    /// steps did. The next <see cref="Save"/> stores it with the transaction's work. None takes it away.
    /// </summary>
    /// <param name="what">For people, such as: lines applied.</param>
    /// <param name="href">Where they are to be seen, such as /inventory/imports/{id}/lines.</param>
    public void Did(string what, long count, string? href = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        lock (_lock)
        {
            _effects.Say(new(what, count, href, MustCompensate));
        }
    }

    /// <summary>
    /// What people want to know beside progress, merged member by member into what was said before: null takes a member away. Sent like progress; at most 256 KiB in
    /// all that an attempt says.
    /// </summary>
    /// <param name="metadata">Becomes a JSON object, at most 10 deep.</param>
    /// <exception cref="ArgumentException">It is no object, or too much with what was said before: nothing of it is sent.</exception>
    public void Describe(object metadata)
    {
        lock (_lock)
        {
            _description.Say(metadata);
            _hasNews = true;
        }
    }

    /// <summary>Costs next to nothing and may be called as often as one likes: the latest is sent some times a second.</summary>
    public void Report(OperationProgress value)
    {
        lock (_lock)
        {
            (_progress, _advancedAt, _hasNews) = (value, _time.GetUtcNow(), true);
            _effects.Tell();
        }
    }

    /// <summary>Until it is disposed of, the time goes by waiting and not by work.</summary>
    /// <param name="operation">The one in the way, of a lock.</param>
    public IDisposable WaitsFor(OperationWait what, Guid? operation = null)
    {
        Waits(what, operation);
        return new Waiting(this);
    }

    /// <summary>
    /// Within the transaction at hand: from here the next attempt goes on. The transaction's other work is stored with it or not at all, and only while
    /// the work is still this worker's.
    /// </summary>
    /// <exception cref="LeaseLostException">Another instance works on it; nothing of the transaction may be stored.</exception>
    public async Task Save(ServiceDb db, object checkpoint, CancellationToken cancel)
    {
        var json = JsonSerializer.Serialize(checkpoint, OperationJson.Options);
        var effects = _effects.Said;
        if (await db.Database.ExecuteSqlAsync(
            $"""
            UPDATE operation_work SET checkpoint = {json}::jsonb, effects = coalesce({effects}::jsonb, effects)
            WHERE id = {Id} AND fence = {_claim.Fence} AND state = 'running'
            """,
            cancel) != 1)
        {
            throw new LeaseLostException(Id);
        }
    }

    /// <summary>Within the transaction at hand, before <see cref="Save"/>: what things of a kind were before it and are now, in this order, for undoing it.</summary>
    /// <typeparam name="T">Becomes JSON; null before what was created, and after what was deleted.</typeparam>
    public async Task Record<T>(ServiceDb db, string entity, IReadOnlyList<(string Key, T? Before, T? After)> images, CancellationToken cancel)
        where T : class
    {
        string?[] Json(Func<(string Key, T? Before, T? After), T?> side) => [.. images.Select(image => side(image) is { } some ? JsonSerializer.Serialize(some, OperationJson.Options) : null)];
        await db.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO operation_images (operation_id, ordinal, entity, key, before, after)
            SELECT {Id}, (SELECT coalesce(max(ordinal), 0) FROM operation_images WHERE org_id = (SELECT current_org()) AND operation_id = {Id}) + n, {entity}, key, before::jsonb, after::jsonb
            FROM unnest({images.Select(image => image.Key).ToArray()}, {Json(image => image.Before)}, {Json(image => image.After)}) WITH ORDINALITY AS i (key, before, after, n)
            """,
            cancel);
    }

    /// <returns>False when that comes too late, or again.</returns>
    internal bool TryCancel(string userId)
    {
        lock (_lock)
        {
            CancelledBy ??= userId;
            var isNew = !IsCancelled && !IsFinal;
            IsCancelled |= isNew;
            return isNew;
        }
    }

    /// <summary>From now on its attempts are at taking back what it did; those at the work count no more.</summary>
    internal async Task BeginToCompensate(CancellationToken cancel)
    {
        if (!_claim.IsCompensating)
        {
            await _table.BeginToCompensate(_claim, cancel);
            _claim = _claim with { IsCompensating = true, Pardoned = Attempt - 1 };
        }
    }

    /// <returns>The report to send now, or null when nothing is new and the last one is not old.</returns>
    internal OperationReported? Next(TimeSpan silence)
    {
        lock (_lock)
        {
            if (_isOver || (!_hasNews && _time.GetElapsedTime(_sentAt) < silence))
            {
                return null;
            }

            (_hasNews, _sentAt) = (false, _time.GetTimestamp());
            return Now(_description.TakeNews());
        }
    }

    /// <summary>It was not sent: it is news again.</summary>
    internal void NotSent()
    {
        lock (_lock)
        {
            _hasNews = true;
            _description.NotSent();
        }
    }

    /// <summary>The attempt's last word: nothing is sent after it.</summary>
    internal OperationReported Final()
    {
        lock (_lock)
        {
            _isOver = true;
            return Now(_description.All);
        }
    }

    /// <summary>The sequence is the time, so that it also rises when another instance goes on with the same attempt.</summary>
    private OperationReported Now(string? metadata) => new(
        Id, Attempt, _sequence = Math.Max(_sequence + 1, _time.GetUtcNow().ToUnixTimeMilliseconds()), _time.GetUtcNow(), _startedAt, _advancedAt, _step, _progress.PercentAt(_step, _leaves), _progress.Done, _progress.Total, _progress.Failed, _progress.Skipped,
        _progress.Bytes, _progress.Message, _progress.IsReplanned, Cause: Cause(), BlockedBy: _blockedBy,
        Effects: _effects.Told, Metadata: metadata);

    private string Cause() => _waitsFor switch
    {
        OperationWait.Lock => "lock",
        OperationWait.RateLimit => "rate_limit",
        OperationWait.External => "external",
        _ => "work",
    };

    private void Waits(OperationWait? what, Guid? operation)
    {
        lock (_lock)
        {
            (_waitsFor, _blockedBy, _advancedAt, _hasNews) = (what, operation, _time.GetUtcNow(), true);
        }
    }

    private sealed class Waiting(Operation operation) : IDisposable
    {
        public void Dispose() => operation.Waits(null, null);
    }
}
