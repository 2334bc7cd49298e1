namespace OpsPlatform.Testing;

/// <summary>The real clock, put forward for what the service decides; its timers run as ever.</summary>
public sealed class ShiftedTime : TimeProvider
{
    private long _offsetTicks;

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + new TimeSpan(Interlocked.Read(ref _offsetTicks));

    public void Forward(TimeSpan by) => Interlocked.Add(ref _offsetTicks, by.Ticks);
}
