using System.Diagnostics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

public sealed class DrainTests
{
    [Fact]
    public async Task A_service_told_to_stop_is_unready_serves_on_and_closes_each_connection_before_its_port()
    {
        var fixture = new DrainingFixture();
        await fixture.InitializeAsync();
        using var client = fixture.Client(Guid.NewGuid());
        using var idle = fixture.Client(Guid.NewGuid());
        (await client.GetAsync("/notes")).Headers.ConnectionClose.ShouldNotBe(true);
        await idle.GetAsync("/notes");
        (await client.GetAsync("/health")).StatusCode.ShouldBe(HttpStatusCode.OK);

        var lifetime = fixture.Services.GetRequiredService<IHostApplicationLifetime>();
        var watch = Stopwatch.StartNew();
        lifetime.StopApplication();
        (await client.GetAsync("/health")).StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await client.GetAsync("/alive")).StatusCode.ShouldBe(HttpStatusCode.OK);
        var stop = fixture.DisposeAsync().AsTask();
        var answer = await client.GetAsync("/notes");
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        answer.Headers.ConnectionClose.ShouldBe(true);

        // The connection that nobody uses holds the stop up only until it is long unused.
        await stop;
        watch.Elapsed.ShouldBeInRange(TimeSpan.FromMilliseconds(DrainingFixture.GraceMs), TimeSpan.FromSeconds(20));
        await Should.ThrowAsync<HttpRequestException>(() => client.GetAsync("/notes"));
    }

    private sealed class DrainingFixture() : ServiceFixture("orders", (settings, configure) => new RunningNotes(settings, configure))
    {
        public const int GraceMs = 1000;

        protected override IEnumerable<(string Key, string Value)> Settings => [("SHUTDOWN_GRACE_MS", $"{GraceMs}")];
    }
}
