using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;

namespace OpsPlatform.Gateway.Tests;

public sealed class StreamTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Frames_of_a_stream_arrive_one_by_one_as_they_are_written_and_uncompressed()
    {
        await using var gateway = await TestGateway.Start();
        var frames = Stream(gateway);
        var client = gateway.Anonymous();
        client.DefaultRequestHeaders.Add("Accept", "text/event-stream");
        client.DefaultRequestHeaders.Add("Accept-Encoding", "gzip, br");

        await frames.Writer.WriteAsync("ready");
        using var response = await client.GetAsync("/sync/feed?ticket=1", HttpCompletionOption.ResponseHeadersRead);
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        response.Header("Content-Encoding").ShouldBeNull();
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        (await Next(reader)).ShouldBe("data: ready");

        for (var i = 0; i < 20; i++)
        {
            // The next is written only when this one has arrived: anything that buffers would hang here.
            await frames.Writer.WriteAsync($"{i}");
            (await Next(reader)).ShouldBe($"data: {i}");
        }

        frames.Writer.Complete();
        (await reader.ReadToEndAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_stream_with_keep_alives_outlives_the_timeout_of_other_requests()
    {
        await using var gateway = await TestGateway.Start(("Gateway:ActivityTimeout", "00:00:00.500"));
        var frames = Stream(gateway);
        await frames.Writer.WriteAsync("ready");
        using var response = await gateway.Client().GetAsync("/sync/feed", HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        var until = DateTime.UtcNow + TimeSpan.FromSeconds(1.2);

        using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (DateTime.UtcNow < until)
        {
            await Next(reader);
            await beat.WaitForNextTickAsync();
            await frames.Writer.WriteAsync("keep-alive");
        }

        (await Next(reader)).ShouldBe("data: keep-alive");
        frames.Writer.Complete();
    }

    [Fact]
    public async Task A_stream_ends_whole_and_with_a_hint_to_come_again_when_the_gateway_stops()
    {
        await using var gateway = await TestGateway.Start();
        var frames = Stream(gateway);
        await frames.Writer.WriteAsync("ready");
        using var response = await gateway.Client().GetAsync("/sync/feed", HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        await Next(reader);

        var stopping = gateway.Stop();
        (await reader.ReadToEndAsync().WaitAsync(Patience)).ShouldBe("retry: 500\nevent: resume\ndata: {}\n\n");
        await stopping.WaitAsync(Patience);
    }

    /// <summary>Sync's feed: what is written to the channel leaves as a frame at once.</summary>
    private static Channel<string> Stream(TestGateway gateway)
    {
        var frames = Channel.CreateUnbounded<string>();
        gateway.Upstream.On("GET /sync/feed", async context =>
        {
            context.Response.ContentType = "text/event-stream";

            await foreach (var frame in frames.Reader.ReadAllAsync(context.RequestAborted))
            {
                await context.Response.WriteAsync($"data: {frame}\n\n");
                await context.Response.Body.FlushAsync();
            }
        });

        return frames;
    }

    private static async Task<string?> Next(StreamReader reader)
    {
        var line = await reader.ReadLineAsync().WaitAsync(Patience);
        (await reader.ReadLineAsync().WaitAsync(Patience)).ShouldBeEmpty();

        return line;
    }
}
