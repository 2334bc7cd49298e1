using Microsoft.Extensions.DependencyInjection;

namespace OpsPlatform.OperationTracking.Tests.Alerts;

/// <summary>A service that may send to this machine, with a clock that tests put forward.</summary>
public class WebhookFixture : OperationsFixture
{
    public ShiftedTime Time { get; } = new();

    protected override IEnumerable<(string Key, string Value)> Settings => [("Webhooks:AllowInsecure", "true")];

    protected override void Configure(IServiceCollection services) => services.AddSingleton<TimeProvider>(Time);
}

/// <summary>The real clock, put forward for what the service decides; its timers run as ever.</summary>
public sealed class ShiftedTime : TimeProvider
{
    private long _offsetTicks;

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + new TimeSpan(Interlocked.Read(ref _offsetTicks));

    public void Forward(TimeSpan by) => Interlocked.Add(ref _offsetTicks, by.Ticks);
}
