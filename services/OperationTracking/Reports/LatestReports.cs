using OpsPlatform.ServiceDefaults;

namespace OpsPlatform.OperationTracking.Reports;

/// <summary>
/// The latest report of each operation that this process has heard of, by attempt and then by sequence, and which of them are due to be
/// written. The rows are the truth; what is lost here is told again by the next report.
/// </summary>
internal sealed class LatestReports(TimeProvider time) : Signal
{
    private const int MostHeld = 100_000;

    /// <summary>Of an operation that only gets further, at most one write.</summary>
    private static readonly TimeSpan WriteInterval = TimeSpan.FromSeconds(1);

    /// <summary>So long the start of an operation may come after its reports.</summary>
    private static readonly TimeSpan UnknownKept = TimeSpan.FromSeconds(30);

    /// <summary>What nothing was heard of for so long has its all in the row.</summary>
    private static readonly TimeSpan SilentKept = TimeSpan.FromMinutes(2);

    private readonly Lock _gate = new();
    private readonly Dictionary<(Guid Org, Guid Id), Held> _held = [];
    private readonly HashSet<(Guid Org, Guid Id)> _unwritten = [];

    /// <summary>Organisations whose rows another held, and when that was found.</summary>
    private readonly Dictionary<Guid, long> _putOff = [];

    private sealed class Held(Heard latest)
    {
        public Heard Latest { get; set; } = latest;

        /// <summary>The end of the attempt before or what was waited for, not written either: its story would have a hole without it.</summary>
        public Heard? Before { get; set; }

        public int WrittenAttempt { get; set; }

        /// <summary>When it was last written, or tried to be.</summary>
        public long? TriedAt { get; set; }

        public long HeardAt { get; set; }

        /// <summary>Since when it is kept although nothing is known of its operation.</summary>
        public long? UnknownSince { get; set; }

        public bool IsUrgent => UnknownSince is null && (Latest.Report.Attempt > WrittenAttempt || Latest.Report.RetryAt is not null);
    }

    /// <returns>False for a report that is not newer than the one held, or when there is no room for another operation's.</returns>
    public bool TryTake(Guid org, Heard heard)
    {
        lock (_gate)
        {
            var key = (org, heard.Report.OperationId);
            if (!_held.TryGetValue(key, out var held))
            {
                if (_held.Count >= MostHeld)
                {
                    return false;
                }

                _held[key] = held = new(heard);
            }
            else if (heard.Version.CompareTo(held.Latest.Version) <= 0)
            {
                return false;
            }
            else if (heard.IsNext(held.Latest) && _unwritten.Contains(key))
            {
                held.Before = held.Latest;
            }

            held.Latest = held.Latest.Then(heard);
            held.HeardAt = time.GetTimestamp();
            NoteUnwritten(key);
            return true;
        }
    }

    public Heard? Of(Guid org, Guid id)
    {
        lock (_gate)
        {
            return _held.GetValueOrDefault((org, id))?.Latest;
        }
    }

    /// <summary>Completes as soon as there is one to be written, now or later.</summary>
    public Task AnyUnwritten()
    {
        var noted = Next;
        lock (_gate)
        {
            return _unwritten.Count == 0 ? noted : Task.CompletedTask;
        }
    }

    /// <summary>Those to be written now; each is the taker's until it says Written, Unknown, PutBack or Ended.</summary>
    public IReadOnlyList<DueReport> TakeDue()
    {
        lock (_gate)
        {
            foreach (var (org, _) in _putOff.Where(one => time.GetElapsedTime(one.Value) >= WriteInterval).ToArray())
            {
                _putOff.Remove(org);
            }

            return Take(_unwritten.Where(key => !_putOff.ContainsKey(key.Org) && IsDue(_held[key])));
        }

        bool IsDue(Held held) => held.IsUrgent || held.TriedAt is not { } tried || time.GetElapsedTime(tried) >= WriteInterval;
    }

    /// <summary>All that are not written, due or not, likewise.</summary>
    public IReadOnlyList<DueReport> TakeRest()
    {
        lock (_gate)
        {
            return Take(_unwritten);
        }
    }

    public void Written(DueReport due)
    {
        lock (_gate)
        {
            if (_held.TryGetValue((due.Org, due.Id), out var held))
            {
                (held.WrittenAttempt, held.UnknownSince) = (Math.Max(held.WrittenAttempt, due.Heard.Report.Attempt), null);
                if (held.Latest.Version == due.Heard.Version)
                {
                    // It may be large, and the table has it.
                    held.Latest = held.Latest.WithoutMetadata();
                }
            }
        }
    }

    /// <summary>It could not be written.</summary>
    public void PutBack(DueReport due)
    {
        lock (_gate)
        {
            if (_held.TryGetValue((due.Org, due.Id), out var held))
            {
                held.Before ??= held.Latest.IsNext(due.Heard) ? due.Heard : due.Before;
                NoteUnwritten((due.Org, due.Id));
            }
        }
    }

    /// <summary>They could not be written for what another holds of their organisation: none of its reports is due for a while.</summary>
    public void PutBackForLater(Guid org, IEnumerable<DueReport> due)
    {
        lock (_gate)
        {
            _putOff[org] = time.GetTimestamp();
            foreach (var report in due)
            {
                PutBack(report);
            }
        }
    }

    /// <summary>Nothing is known yet of the operation: it is tried again for a while.</summary>
    public void Unknown(DueReport due)
    {
        lock (_gate)
        {
            PutBack(due);
            if (_held.TryGetValue((due.Org, due.Id), out var held))
            {
                held.UnknownSince ??= time.GetTimestamp();
                if (time.GetElapsedTime(held.UnknownSince.Value) >= UnknownKept)
                {
                    Forget(due.Org, due.Id);
                }
            }
        }
    }

    /// <summary>The operation's row is there now: what is held for it is due.</summary>
    public void Known(Guid org, Guid id)
    {
        lock (_gate)
        {
            if (_held.TryGetValue((org, id), out var held))
            {
                held.UnknownSince = null;
            }
        }
    }

    /// <summary>The attempt told of is over, and the operation with it; a later attempt's report stays.</summary>
    public void Ended(DueReport due)
    {
        lock (_gate)
        {
            if (_held.GetValueOrDefault((due.Org, due.Id))?.Latest.Report.Attempt <= due.Heard.Report.Attempt)
            {
                Forget(due.Org, due.Id);
            }
        }
    }

    public void Forget(Guid org, Guid id)
    {
        lock (_gate)
        {
            _held.Remove((org, id));
            _unwritten.Remove((org, id));
        }
    }

    public void ForgetSilent()
    {
        lock (_gate)
        {
            foreach (var (key, held) in _held.ToArray())
            {
                if (!_unwritten.Contains(key) && time.GetElapsedTime(held.HeardAt) >= SilentKept)
                {
                    _held.Remove(key);
                }
            }
        }
    }

    private List<DueReport> Take(IEnumerable<(Guid Org, Guid Id)> keys)
    {
        List<DueReport> due = [];
        foreach (var key in keys)
        {
            var held = _held[key];
            due.Add(new(key.Org, key.Id, held.Latest, held.Before, held.IsUrgent));
            (held.TriedAt, held.Before) = (time.GetTimestamp(), null);
        }

        due.ForEach(report => _unwritten.Remove((report.Org, report.Id)));
        return due;
    }

    private void NoteUnwritten((Guid Org, Guid Id) key)
    {
        if (_unwritten.Add(key) && _unwritten.Count == 1)
        {
            Wake();
        }
    }
}

/// <param name="Before">The last report of the attempt before, or what was waited for, to be written first.</param>
/// <param name="IsUrgent">An attempt began or failed.</param>
internal sealed record DueReport(Guid Org, Guid Id, Heard Heard, Heard? Before, bool IsUrgent);
