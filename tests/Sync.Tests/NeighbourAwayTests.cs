using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace OpsPlatform.Sync.Tests;

/// <summary>Of the services it asks nobody listens for one, and the other answers that it cannot.</summary>
public sealed class NeighbourAwayFixture : SyncFixture, IAsyncDisposable
{
    private readonly WebApplication _draining;

    public NeighbourAwayFixture()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _draining = builder.Build();
        _draining.Run(http =>
        {
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return Task.CompletedTask;
        });
        _draining.Start();
    }

    protected override IEnumerable<(string Key, string Value)> Settings =>
        [.. base.Settings, ("services:inventory:http:0", "http://127.0.0.1:9"), ("services:orders:http:0", _draining.Urls.First())];

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        await DisposeAsync();
        await _draining.DisposeAsync();
    }
}

public sealed class NeighbourAwayTests(NeighbourAwayFixture fixture) : IClassFixture<NeighbourAwayFixture>
{
    [Theory]
    [InlineData("inventory")]
    [InlineData("orders")]
    public async Task A_service_that_is_away_is_named_and_the_database_is_not_blamed(string away)
    {
        using var client = fixture.Client(Guid.NewGuid(), "admin");
        foreach (var answer in (HttpResponseMessage[])[
            await client.GetAsync($"/sync/events?status=pending&service={away}"), await client.PostAsJsonAsync("/sync/resync", new { service = away })])
        {
            answer.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
            answer.Headers.RetryAfter.ShouldNotBeNull();
            var problem = await answer.Content.ReadFromJsonAsync<JsonElement>();
            problem.GetProperty("title").GetString().ShouldBe($"The {away} service is away, which this one needs.");
            problem.GetProperty("detail").GetString().ShouldBe("Try again in a moment.");
        }
    }
}
