using Microsoft.Extensions.DependencyInjection;
using OpsPlatform.Testing;

namespace OpsPlatform.OperationTracking.Tests.Alerts;

/// <summary>A service that may send to this machine, with a clock that tests put forward.</summary>
public class WebhookFixture : OperationsFixture
{
    public ShiftedTime Time { get; } = new();

    protected override IEnumerable<(string Key, string Value)> Settings => [("Webhooks:AllowInsecure", "true")];

    protected override void Configure(IServiceCollection services) => services.AddSingleton<TimeProvider>(Time);
}
