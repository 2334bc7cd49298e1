namespace OpsPlatform.ServiceDefaults;

/// <summary>
/// The system's time, whose repeating timers of half a second or more go off together: where nobody calls, to be woken costs more than
/// what is looked for then. A turn is up to a quarter of a second late, the next one is not the later for it. Each process keeps a beat of its own,
/// so that they do not all wake at once. What goes off once does so at its time.
/// </summary>
internal sealed class GatheredTime : TimeProvider
{
    private const int Beat = 250;
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(500);

    private readonly long _first = Random.Shared.Next(Beat);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        period < Shortest ? base.CreateTimer(callback, state, dueTime, period) : new Repeating(this, callback, state, dueTime, period);

    /// <summary>Of the clock that the system's timers are set by, in ms.</summary>
    private long FirstBeatFrom(long moment) => moment + Beat - 1 - ((moment - _first + Beat - 1) % Beat);

    private sealed class Repeating : ITimer
    {
        private readonly GatheredTime _time;
        private readonly Lock _setting = new();
        private readonly ITimer _next;
        private TimeSpan _period;
        private long _due;

        public Repeating(GatheredTime time, TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _time = time;
            _next = time.CreateTimer(
                _ =>
                {
                    SetNext();
                    callback(state);
                },
                null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            Change(dueTime, period);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (_setting)
            {
                _period = period;
                return Set(Environment.TickCount64, dueTime);
            }
        }

        public void Dispose() => _next.Dispose();

        public ValueTask DisposeAsync() => _next.DisposeAsync();

        /// <summary>Turns that were missed are not made up for.</summary>
        private void SetNext()
        {
            lock (_setting)
            {
                Set(Math.Max(_due, Environment.TickCount64 - Beat), _period);
            }
        }

        private bool Set(long from, TimeSpan after)
        {
            if (after < TimeSpan.Zero)
            {
                return _next.Change(after, Timeout.InfiniteTimeSpan);
            }

            _due = from + (long)after.TotalMilliseconds;
            var wait = Math.Max(0, _time.FirstBeatFrom(_due) - Environment.TickCount64);
            return _next.Change(TimeSpan.FromMilliseconds(wait), Timeout.InfiniteTimeSpan);
        }
    }
}
