using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using OpsPlatform.Testing;

namespace OpsPlatform.Gateway.Tests;

public sealed class LimitTests
{
    [Fact]
    public async Task An_organisation_over_its_limit_is_told_when_to_come_again_and_others_are_not_held_up()
    {
        await using var gateway = await TestGateway.Start(("RateLimits:OrganisationPerSecond", "1"), ("RateLimits:OrganisationBurst", "5"));
        gateway.Upstream.OnJson("GET /orders", new { });
        var org = Guid.NewGuid();
        var answers = await Send(10, () => gateway.Client(org).GetAsync("/orders"));

        answers.Count(answer => answer.StatusCode == HttpStatusCode.OK).ShouldBeInRange(5, 7);
        var refused = answers.First(answer => answer.StatusCode == HttpStatusCode.TooManyRequests);
        await refused.ShouldBeProblem(HttpStatusCode.TooManyRequests, "too-many-requests");
        int.Parse(refused.Header("Retry-After")!).ShouldBeInRange(1, 5);
        (await gateway.Client().GetAsync("/orders")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task What_was_used_up_comes_back_with_time()
    {
        await using var gateway = await TestGateway.Start(("RateLimits:OrganisationPerSecond", "1"), ("RateLimits:OrganisationBurst", "2"));
        gateway.Upstream.OnJson("GET /orders", new { });
        var client = gateway.Client(Guid.NewGuid());
        var usedUp = Stopwatch.StartNew();
        await Send(2, () => client.GetAsync("/orders"));

        await Eventually.Is(async () => (await client.GetAsync("/orders")).StatusCode == HttpStatusCode.OK);
        usedUp.Elapsed.ShouldBeInRange(TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(3));
        (await client.GetAsync("/orders")).StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
    }

    [Theory]
    [InlineData("/identity/login")]
    [InlineData("/identity/login/")]
    public async Task Signing_in_is_limited_by_address_and_holds_up_nothing_else(string path)
    {
        await using var gateway = await TestGateway.Start(("RateLimits:SignInPerSecond", "1"), ("RateLimits:SignInBurst", "3"));
        gateway.Upstream.OnJson($"POST {path}", new { });
        gateway.Upstream.OnJson("POST /identity/logout", new { });
        var answers = await Send(8, () => gateway.Anonymous().PostAsJsonAsync(path, new { }));

        answers.Count(answer => answer.StatusCode == HttpStatusCode.OK).ShouldBeInRange(3, 5);
        await answers.First(answer => !answer.IsSuccessStatusCode).ShouldBeProblem(HttpStatusCode.TooManyRequests, "too-many-requests");
        (await gateway.Anonymous().PostAsJsonAsync("/identity/logout", new { })).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Callers_without_a_token_are_limited_by_address_but_health_is_always_told()
    {
        await using var gateway = await TestGateway.Start(("RateLimits:AnonymousPerSecond", "1"), ("RateLimits:AnonymousBurst", "2"));
        var answers = await Send(6, () => gateway.Anonymous().GetAsync("/"));

        answers.Count(answer => answer.StatusCode == HttpStatusCode.TooManyRequests).ShouldBeInRange(2, 4);
        (await Send(6, () => gateway.Anonymous().GetAsync("/health"))).ShouldAllBe(answer => answer.StatusCode == HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("Authorization", "")]
    [InlineData("Authorization", "Bearer a.b.c")]
    [InlineData("X-Operator-Key", "a guess")]
    public async Task Guessing_tokens_and_keys_is_limited_by_address(string header, string value)
    {
        await using var gateway = await TestGateway.Start(("RateLimits:AnonymousPerSecond", "1"), ("RateLimits:AnonymousBurst", "2"));
        var client = gateway.Anonymous();
        client.DefaultRequestHeaders.TryAddWithoutValidation(header, value);
        var answers = await Send(6, () => client.GetAsync("/orders"));

        answers.Count(answer => answer.StatusCode == HttpStatusCode.Unauthorized).ShouldBeInRange(2, 4);
        answers.Count(answer => answer.StatusCode == HttpStatusCode.TooManyRequests).ShouldBeInRange(2, 4);
    }

    [Fact]
    public async Task Loopback_can_be_left_out_of_the_limits_by_address()
    {
        await using var gateway = await TestGateway.Start(("RateLimits:SignInPerSecond", "1"), ("RateLimits:SignInBurst", "1"), ("RateLimits:ExemptLoopback", "true"));
        gateway.Upstream.OnJson("POST /identity/login", new { });

        (await Send(5, () => gateway.Anonymous().PostAsJsonAsync("/identity/login", new { }))).ShouldAllBe(answer => answer.StatusCode == HttpStatusCode.OK);
    }

    private static Task<HttpResponseMessage[]> Send(int times, Func<Task<HttpResponseMessage>> request) =>
        Task.WhenAll(Enumerable.Range(0, times).Select(_ => request()));
}
