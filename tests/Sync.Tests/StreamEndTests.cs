using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace OpsPlatform.Sync.Tests;

public sealed class StreamEndTests(SyncFixture fixture)
{
    private readonly Guid _org = Guid.NewGuid();

    [Fact]
    public async Task A_stream_ends_when_its_token_does()
    {
        using var client = ClientFor(TimeSpan.FromSeconds(6));
        using var stream = await SseClient.Open(client, "/sync/feed");
        await stream.Next("ready");
        (await stream.NextOrEnd()).ShouldBeNull();
    }

    [Fact]
    public async Task A_stream_by_ticket_ends_when_the_token_behind_it_does()
    {
        using var client = ClientFor(TimeSpan.FromSeconds(6));
        var ticket = (await (await client.PostAsync("/sync/tickets", null)).Content.ReadFromJsonAsync<JsonElement>()).GetProperty("ticket").GetString();
        using var browser = fixture.Anonymous();
        using var stream = await SseClient.Open(browser, $"/sync/feed?ticket={ticket}");
        await stream.Next("ready");
        (await stream.NextOrEnd()).ShouldBeNull();
    }

    [Fact]
    public async Task Streams_beyond_the_limits_are_refused_until_one_closes()
    {
        var streams = new List<SseClient>();
        var user = Guid.NewGuid();
        for (var i = 0; i < SyncFixture.StreamsPerUser; i++)
        {
            streams.Add(await fixture.Stream(_org, user: user));
        }

        (await Open(user)).ShouldBe(HttpStatusCode.TooManyRequests);
        while (streams.Count < SyncFixture.StreamsPerOrganisation)
        {
            streams.Add(await fixture.Stream(_org));
        }

        (await Open(Guid.NewGuid())).ShouldBe(HttpStatusCode.TooManyRequests);
        streams[0].Dispose();
        await OpsPlatform.Testing.Eventually.Is(async () => await Open(Guid.NewGuid()) == HttpStatusCode.OK);
        streams.ForEach(stream => stream.Dispose());
    }

    [Fact]
    public async Task Streams_and_long_polls_end_at_once_when_the_service_stops()
    {
        var own = new SyncFixture();
        await using var stopped = own;
        await own.InitializeAsync();
        using var stream = await own.Stream(_org);
        await stream.Next("ready");
        using var client = own.Client(_org);
        var polling = client.GetFromJsonAsync<FeedPage>("/sync/feed?wait=30");
        // A second stream that was let in shows that the poll before it is being served.
        using var second = await own.Stream(_org);
        await second.Next("ready");

        var clock = Stopwatch.StartNew();
        own.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        foreach (var reader in (SseClient[])[stream, second])
        {
            (await reader.Next("resume")).Id.ShouldBe(0);
            (await reader.NextOrEnd()).ShouldBeNull();
        }

        (await polling)!.Items.ShouldBeEmpty();
        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(2));
    }

    private HttpClient ClientFor(TimeSpan lifetime)
    {
        var client = fixture.Anonymous();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", fixture.Tokens.Token(_org, "viewer", lifetime: lifetime));
        return client;
    }

    private async Task<HttpStatusCode> Open(Guid user)
    {
        using var client = fixture.Client(_org, "viewer", user);
        using var response = await client.GetAsync("/sync/feed?stream=1", HttpCompletionOption.ResponseHeadersRead);
        return response.StatusCode;
    }
}
