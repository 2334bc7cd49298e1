using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>How far the step at hand is.</summary>
/// <param name="Total">What the counts add up to in the end; null while nobody knows.</param>
/// <param name="IsReplanned">There is more to do than was thought: the share done may fall.</param>
public sealed record OperationProgress(
    long Done, long? Total = null, long? Failed = null, long? Skipped = null, long? Bytes = null, string? Message = null, bool IsReplanned = false)
{
    /// <returns>How much of the whole is done with the step, from 1, at this point: 0 to 100 by the steps' weights.</returns>
    /// <param name="steps">Leaves.</param>
    public double PercentAt(int step, IReadOnlyList<OperationStep> steps)
    {
        // As floating point, so that counts near the largest do not run over.
        var done = (double)Done + (Failed ?? 0) + (Skipped ?? 0);
        var share = Total is > 0 and var total ? Math.Clamp(done / total, 0, 1) : 0;
        return 100 * (steps.Take(step - 1).Sum(before => before.Weight) + (steps[step - 1].Weight * share)) / steps.Sum(one => one.Weight);
    }
}

/// <summary>What holds a worker up that could go on.</summary>
public enum OperationWait
{
    /// <summary>What another operation has in hand.</summary>
    Lock,

    /// <summary>No more may be done at a time.</summary>
    RateLimit,

    /// <summary>Somebody outside has to do something first.</summary>
    External,
}

/// <summary>One attempt at a piece of long-running work, as its worker sees it.</summary>
public sealed class Operation : IProgress<OperationProgress>
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly Claim _claim;
    private readonly IReadOnlyList<OperationStep> _leaves;
    private readonly DateTimeOffset _startedAt;
    private int _step = 1;
    private OperationProgress _progress = new(0);
    private DateTimeOffset _advancedAt;
    private long _sequence;
    private long _sentAt;
    private bool _hasNews = true;
    private bool _isOver;
    private OperationWait? _waitsFor;
    private Guid? _blockedBy;

    internal Operation(Claim claim, TimeProvider time)
    {
        _claim = claim;
        _leaves = OperationStep.Leaves(claim.Started.Steps);
        _time = time;
        _startedAt = _advancedAt = time.GetUtcNow();
    }

    public Guid Id => _claim.Id;

    public Guid Org => _claim.OrgId;

    /// <summary>From 1.</summary>
    public int Attempt => _claim.Attempt;

    /// <summary>Of the plan that was agreed to: compare it with what would be done now, in the transaction that does it. Null when nobody had to agree.</summary>
    public string? ApprovedDigest => _claim.ApprovedDigest;

    internal Claim Claim => _claim;

    /// <summary>What the last <see cref="Save"/> of any attempt stored, or null.</summary>
    public T? Checkpoint<T>()
        where T : class => _claim.Checkpoint is { } json ? JsonSerializer.Deserialize<T>(json, OperationJson.Options) : null;

    /// <summary>Goes to a leaf of the kind's steps, from 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The kind has no such step.</exception>
    public void Step(int number)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(number, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(number, _leaves.Count);
        lock (_lock)
        {
            (_step, _progress, _advancedAt, _hasNews) = (number, new(0), _time.GetUtcNow(), true);
        }
    }

    /// <summary>Costs next to nothing and may be called as often as one likes: the latest is sent some times a second.</summary>
    public void Report(OperationProgress value)
    {
        lock (_lock)
        {
            (_progress, _advancedAt, _hasNews) = (value, _time.GetUtcNow(), true);
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
        if (await db.Database.ExecuteSqlAsync(
            $"UPDATE operation_work SET checkpoint = {json}::jsonb WHERE id = {Id} AND fence = {_claim.Fence} AND state = 'running'", cancel) != 1)
        {
            throw new LeaseLostException(Id);
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
            return Now();
        }
    }

    /// <summary>It was not sent: it is news again.</summary>
    internal void NotSent()
    {
        lock (_lock)
        {
            _hasNews = true;
        }
    }

    /// <summary>The attempt's last word: nothing is sent after it.</summary>
    internal OperationReported Final()
    {
        lock (_lock)
        {
            _isOver = true;
            return Now();
        }
    }

    /// <summary>The sequence is the time, so that it also rises when another instance goes on with the same attempt.</summary>
    private OperationReported Now() => new(
        Id, Attempt, _sequence = Math.Max(_sequence + 1, _time.GetUtcNow().ToUnixTimeMilliseconds()), _time.GetUtcNow(), _startedAt, _advancedAt, _step, _progress.PercentAt(_step, _leaves), _progress.Done, _progress.Total, _progress.Failed, _progress.Skipped,
        _progress.Bytes, _progress.Message, _progress.IsReplanned, Cause: Cause(), BlockedBy: _blockedBy);

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

/// <summary>A lease on a piece of work.</summary>
internal sealed record Claim(
    Guid OrgId, Guid Id, OperationStarted Started, string Args, string? Checkpoint, string Actor, Guid CorrelationId, string? TraceParent, int Attempt, long Fence, string? CancelledBy,
    string? ApprovedDigest, int Pardoned)
{
    /// <summary>Attempts that count, this one included.</summary>
    public int Tries => Attempt - Pardoned;

    public static Claim Read(NpgsqlDataReader row) => new(
        row.GetGuid(0), row.GetGuid(1), JsonSerializer.Deserialize<OperationStarted>(row.GetString(2), OperationJson.Options)!, row.GetString(3),
        row.IsDBNull(4) ? null : row.GetString(4), row.GetString(5), row.GetGuid(6), row.IsDBNull(7) ? null : row.GetString(7), row.GetInt32(8), row.GetInt64(9),
        row.IsDBNull(10) ? null : row.GetString(10), row.IsDBNull(11) ? null : row.GetString(11), row.GetInt32(12));
}

internal static class OperationJson
{
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) } };
}
