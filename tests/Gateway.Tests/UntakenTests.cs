using System.Net;
using System.Net.Http.Json;
using Microsoft.AspNetCore.Http;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Gateway.Tests;

/// <summary>One of two instances is a process that listens again and cannot work yet: it says of every request that it did nothing.</summary>
public sealed class UntakenTests : IAsyncLifetime
{
    private StubUpstream starting = null!;
    private int untaken;

    public async ValueTask InitializeAsync()
    {
        starting = await StubUpstream.Start();

        foreach (var call in new[] { "GET /orders", "POST /orders", "DELETE /orders" })
        {
            starting.On(call, context =>
            {
                Interlocked.Increment(ref untaken);
                context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                context.Response.Headers[NotTaken.Header] = "1";
                context.Response.Headers.RetryAfter = "1";

                return context.Response.WriteAsync("starting");
            });
        }
    }

    public ValueTask DisposeAsync() => starting.DisposeAsync();

    [Theory]
    [InlineData("GET", 0)]
    [InlineData("DELETE", 0)]
    [InlineData("POST", 0)]
    [InlineData("POST", 20)]
    [InlineData("POST", 30_000)]
    public async Task What_was_not_taken_goes_to_the_next_instance_whole(string method, int length)
    {
        await using var gateway = await TestGateway.Start(("services:orders:http:1", starting.Address));
        gateway.Upstream.OnEcho($"{method} /orders");
        var client = gateway.Client();
        var body = new string('x', length);

        for (var i = 0; i < 20; i++)
        {
            using var request = new HttpRequestMessage(new(method), "/orders") { Content = length == 0 ? null : new StringContent(body) };
            using var response = await client.SendAsync(request);
            response.Headers.Contains(NotTaken.Header).ShouldBeFalse();
            (await response.Content.ReadFromJsonAsync<Echo>())!.Body.ShouldBe(body);
        }

        // Having said so once it is left out for some seconds.
        untaken.ShouldBeInRange(1, 5);
    }

    [Theory]
    [InlineData(20)]
    [InlineData(100_000)]
    public async Task With_nobody_else_there_the_caller_is_told_that_sending_it_again_is_safe(int length)
    {
        await using var gateway = await TestGateway.Start(("services:orders:http:0", starting.Address));

        using var response = await gateway.Client().PostAsync("/orders", new StringContent(new string('x', length)));
        await response.ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "service-away");
        response.Header("Retry-After").ShouldBe("2");
        response.Headers.Contains(NotTaken.Header).ShouldBeFalse();
        untaken.ShouldBe(1);
    }

    [Fact]
    public async Task A_long_body_that_has_gone_is_never_sent_on_in_part()
    {
        await using var gateway = await TestGateway.Start(("services:orders:http:1", starting.Address));
        gateway.Upstream.OnEcho("POST /orders");
        var client = gateway.Client();
        var body = new string('x', 100_000);
        var refused = 0;

        while (untaken == 0)
        {
            using var response = await client.PostAsync("/orders", new StringContent(body));

            if (response.StatusCode == HttpStatusCode.OK)
            {
                (await response.Content.ReadFromJsonAsync<Echo>())!.Body.ShouldBe(body);
            }
            else
            {
                await response.ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "service-away");
                refused++;
            }
        }

        refused.ShouldBe(1);
    }
}
