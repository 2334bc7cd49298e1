using System.Net.Http.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpsPlatform.Sync.Health;
using OpsPlatform.Testing;

namespace OpsPlatform.Sync.Tests;

/// <summary>Sessions of the relays' pool are not reset between uses. A service of its own, because its checks are stopped.</summary>
public sealed class SessionTests : IAsyncLifetime
{
    private readonly HealthFixture _fixture = new();

    public ValueTask InitializeAsync() => ((IAsyncLifetime)_fixture).InitializeAsync();

    public ValueTask DisposeAsync() => ((IAsyncDisposable)_fixture).DisposeAsync();

    [Fact]
    public async Task Checks_of_health_and_resyncs_leave_no_lock_and_no_setting_on_a_session()
    {
        var org = Guid.NewGuid();
        await _fixture.Agree(org, "a", 1);
        await _fixture.Agreement(org, 1);
        _fixture.Source.Set(org, "a", 2);
        using var admin = _fixture.Client(org, "admin");
        (await admin.PostAsJsonAsync("/sync/resync", new { })).EnsureSuccessStatusCode();
        (await _fixture.LeftOnRelaySessions()).ShouldBeEmpty();

        await _fixture.Services.GetServices<IHostedService>().OfType<CheckHealth>().Single().StopAsync(CancellationToken.None);
        (await _fixture.LeftOnRelaySessions()).ShouldBeEmpty();
    }
}
