using OpsPlatform.OperationTracking.Batches;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>
/// Lets requests wait for what becomes of an operation, holding no database connection meanwhile. What this process hears or commits wakes
/// them at once, and so does what another replica tells of; a poll finds what was not told.
/// </summary>
internal sealed class OperationWatch
{
    /// <summary>Requests of an organisation that wait or stream here at a time.</summary>
    public const int MostPerOrganisation = 1_000;

    private const string Topic = "operation";
    private static readonly TimeSpan PollWhenTold = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan PollWhenAlone = TimeSpan.FromMilliseconds(250);
    private readonly Replicas _replicas;
    private readonly BatchSignal _batches;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly Dictionary<(Guid Org, Guid Id), Signal> _signals = [];
    private readonly Dictionary<Guid, int> _perOrganisation = [];
    private readonly Dictionary<Guid, Followers> _followers = [];

    public OperationWatch(Replicas replicas, BatchSignal batches, TimeProvider time)
    {
        (_replicas, _batches, _time) = (replicas, batches, time);
        replicas.Hear(Topic, text =>
        {
            if (text.Split('/') is [var org, var id, ..] && Guid.TryParse(org, out var orgId) && Guid.TryParse(id, out var operation))
            {
                Wake(orgId, operation, isRowChanged: true);
            }
        });
    }

    /// <summary>Requests of the organisation that wait or stream here now.</summary>
    public int Waiting(Guid org)
    {
        lock (_gate)
        {
            return _perOrganisation.GetValueOrDefault(org);
        }
    }

    /// <returns>Null when the organisation has all the waiters it may have.</returns>
    public Watch? TryStart(Guid org, Guid id)
    {
        lock (_gate)
        {
            if (_perOrganisation.GetValueOrDefault(org) >= MostPerOrganisation)
            {
                return null;
            }

            _perOrganisation[org] = _perOrganisation.GetValueOrDefault(org) + 1;
            if (!_signals.TryGetValue((org, id), out var signal))
            {
                _signals[(org, id)] = signal = new();
            }

            signal.Watches++;
            return new(this, (org, id), signal);
        }
    }

    /// <summary>Notes which of the organisation's operations change; one at a time for an organisation.</summary>
    public Followers Follow(Guid org)
    {
        lock (_gate)
        {
            return _followers[org] = new(this, org);
        }
    }

    /// <summary>Its row was changed here, and that is committed.</summary>
    public void Changed(Guid org, Guid id)
    {
        Wake(org, id, isRowChanged: true);
        TellOthers(org, id);
    }

    /// <summary>A newer report is in this process's memory.</summary>
    public void Reported(Guid org, Guid id) => Wake(org, id, isRowChanged: false);

    /// <summary>Other replicas, which do not know what is in this one's memory, may read it from the row now; and so may its batch.</summary>
    public void TellOthers(Guid org, Guid id)
    {
        _batches.Changed(org, id);
        _replicas.Tell(Topic, $"{org:N}/{id:N}");
    }

    private void Wake(Guid org, Guid id, bool isRowChanged)
    {
        lock (_gate)
        {
            if (_followers.TryGetValue(org, out var followers))
            {
                followers.Add(id);
            }

            if (_signals.TryGetValue((org, id), out var signal))
            {
                signal.RowChanges += isRowChanged ? 1 : 0;
                var woken = signal.Next;
                signal.Next = new(TaskCreationOptions.RunContinuationsAsynchronously);
                woken.SetResult();
            }
        }
    }

    private void Stop((Guid Org, Guid Id) of, Signal signal)
    {
        lock (_gate)
        {
            if (--signal.Watches == 0)
            {
                _signals.Remove(of);
            }

            if (--_perOrganisation[of.Org] == 0)
            {
                _perOrganisation.Remove(of.Org);
            }
        }
    }

    private TimeSpan Poll => _replicas.IsListening ? PollWhenTold : PollWhenAlone;

    internal sealed class Signal
    {
        public int Watches { get; set; }

        public long RowChanges { get; set; }

        public TaskCompletionSource Next { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>One request's interest in one operation.</summary>
    public sealed class Watch : IDisposable
    {
        private readonly OperationWatch _owner;
        private readonly (Guid Org, Guid Id) _of;
        private readonly Signal _signal;

        internal Watch(OperationWatch owner, (Guid Org, Guid Id) of, Signal signal) => (_owner, _of, _signal) = (owner, of, signal);

        /// <summary>Completes when something changes after now: take it before reading.</summary>
        public Task Next
        {
            get
            {
                lock (_owner._gate)
                {
                    return _signal.Next.Task;
                }
            }
        }

        /// <summary>Another number when the row was changed since.</summary>
        public long RowChanges
        {
            get
            {
                lock (_owner._gate)
                {
                    return _signal.RowChanges;
                }
            }
        }

        /// <summary>So long after a read another is due, for what was not told.</summary>
        public TimeSpan Poll => _owner.Poll;

        /// <summary>Until woken, for so long, until a poll is due or until it is cancelled; never throws.</summary>
        public async Task Wait(Task woken, TimeSpan atMost, CancellationToken cancel)
        {
            if (atMost <= TimeSpan.Zero)
            {
                return;
            }

            await woken.WaitAsync(atMost < _owner.Poll ? atMost : _owner.Poll, _owner._time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        public void Dispose() => _owner.Stop(_of, _signal);
    }

    /// <summary>An organisation's operations that changed and were not taken yet.</summary>
    public sealed class Followers(OperationWatch owner, Guid org) : IDisposable
    {
        private HashSet<Guid> _changed = [];
        private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Completes when something changes after now: take it before taking what changed.</summary>
        public Task Next
        {
            get
            {
                lock (owner._gate)
                {
                    return _next.Task;
                }
            }
        }

        public IReadOnlySet<Guid> Take()
        {
            lock (owner._gate)
            {
                return Interlocked.Exchange(ref _changed, []);
            }
        }

        /// <summary>Until woken or until a poll is due; never throws.</summary>
        public async Task Wait(Task woken, CancellationToken cancel) =>
            await woken.WaitAsync(owner.Poll, owner._time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        public void Dispose()
        {
            lock (owner._gate)
            {
                // The next one may have begun before this one saw that nobody was left.
                if (owner._followers.GetValueOrDefault(org) == this)
                {
                    owner._followers.Remove(org);
                }
            }
        }

        /// <summary>Within the gate.</summary>
        internal void Add(Guid id)
        {
            _changed.Add(id);
            var woken = _next;
            _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
            woken.SetResult();
        }
    }
}
