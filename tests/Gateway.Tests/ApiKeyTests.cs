using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using Microsoft.AspNetCore.Http;
using OpsPlatform.Gateway.ApiKeys;

namespace OpsPlatform.Gateway.Tests;

public sealed class ApiKeyTests
{
    private const string Exchange = "POST /identity/api-keys/exchange";
    private const string Key = "ops_good";

    private int asked;

    [Theory]
    [InlineData("X-Api-Key", Key)]
    [InlineData("Authorization", $"ApiKey {Key}")]
    public async Task A_key_reaches_the_service_as_a_token_and_never_itself(string header, string value)
    {
        await using var gateway = await Start();
        gateway.Upstream.OnEcho("GET /orders");

        var echo = await With(gateway, header, value).GetFromJsonAsync<Echo>("/orders");
        echo!.Headers["Authorization"].ShouldStartWith("Bearer ey");
        echo.Headers.Values.ShouldNotContain(seen => seen.Contains(Key));
    }

    [Fact]
    public async Task A_key_is_exchanged_once_however_many_requests_come_and_again_after_a_minute()
    {
        await using var gateway = await Start();
        gateway.Upstream.OnJson("GET /orders", new { });
        var client = With(gateway, "X-Api-Key", Key);

        (await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => client.GetAsync("/orders")))).ShouldAllBe(answer => answer.StatusCode == HttpStatusCode.OK);
        asked.ShouldBe(1);
        gateway.Time.Forward(ApiKeyTokens.KeptFor);
        (await client.GetAsync("/orders")).StatusCode.ShouldBe(HttpStatusCode.OK);
        asked.ShouldBe(2);
    }

    [Fact]
    public async Task A_revoked_key_is_refused_within_a_minute_with_identitys_reason()
    {
        await using var gateway = await Start();
        gateway.Upstream.OnJson("GET /orders", new { });
        var client = With(gateway, "X-Api-Key", Key);
        (await client.GetAsync("/orders")).StatusCode.ShouldBe(HttpStatusCode.OK);
        Refuse(gateway, 401, "api-key-revoked");
        gateway.Time.Forward(TimeSpan.FromSeconds(59));
        (await client.GetAsync("/orders")).StatusCode.ShouldBe(HttpStatusCode.OK);
        gateway.Time.Forward(TimeSpan.FromSeconds(1));
        var refused = await client.GetAsync("/orders");
        await refused.ShouldBeProblem(HttpStatusCode.Unauthorized, "api-key-revoked");
        refused.Header("WWW-Authenticate").ShouldBe("ApiKey");
    }

    [Fact]
    public async Task With_identity_away_a_key_seen_within_the_minute_goes_on_and_others_are_told_to_come_again()
    {
        await using var gateway = await Start();
        gateway.Upstream.OnJson("GET /orders", new { });
        (await With(gateway, "X-Api-Key", Key).GetAsync("/orders")).StatusCode.ShouldBe(HttpStatusCode.OK);
        Refuse(gateway, 500, "fault");

        (await With(gateway, "X-Api-Key", Key).GetAsync("/orders")).StatusCode.ShouldBe(HttpStatusCode.OK);
        var other = await With(gateway, "X-Api-Key", "ops_other").GetAsync("/orders");
        await other.ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "service-away");
        other.Header("Retry-After").ShouldBe("2");
        gateway.Time.Forward(ApiKeyTokens.KeptFor);
        await (await With(gateway, "X-Api-Key", Key).GetAsync("/orders")).ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "service-away");

        // A refusal that is not about the key is a fault of ours, not the caller's.
        Refuse(gateway, 401, "invalid-client");
        await (await With(gateway, "X-Api-Key", Key).GetAsync("/orders")).ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "service-away");
    }

    [Fact]
    public async Task Wrong_keys_are_remembered_briefly_and_count_against_the_address()
    {
        await using var gateway = await Start(("RateLimits:SignInPerSecond", "1"), ("RateLimits:SignInBurst", "3"), ("RateLimits:AnonymousPerSecond", "1"), ("RateLimits:AnonymousBurst", "6"));
        Refuse(gateway, 401, "api-key-invalid");
        var same = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => With(gateway, "X-Api-Key", "ops_wrong").GetAsync("/orders")));
        foreach (var answer in same)
        {
            await answer.ShouldBeProblem(HttpStatusCode.Unauthorized, "api-key-invalid");
        }

        asked.ShouldBe(1);
        var guesses = await Task.WhenAll(Enumerable.Range(0, 10).Select(guess => With(gateway, "X-Api-Key", $"ops_{guess}").GetAsync("/orders")));
        guesses.ShouldAllBe(answer => answer.StatusCode == HttpStatusCode.Unauthorized || answer.StatusCode == HttpStatusCode.TooManyRequests);
        asked.ShouldBeInRange(2, 5);
        var shapeless = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => With(gateway, "X-Api-Key", "garbage").GetAsync("/orders")));
        shapeless.ShouldContain(answer => answer.StatusCode == HttpStatusCode.TooManyRequests);
        asked.ShouldBeInRange(2, 5);
    }

    [Theory]
    [InlineData("api-key-invalid")]
    [InlineData("api-key-revoked")]
    [InlineData("api-key-expired")]
    public async Task A_refused_key_that_has_become_good_works_after_ten_seconds(string slug)
    {
        await using var gateway = await Start();
        gateway.Upstream.OnJson("GET /orders", new { });
        var client = With(gateway, "X-Api-Key", Key);
        Refuse(gateway, 401, slug);
        await (await client.GetAsync("/orders")).ShouldBeProblem(HttpStatusCode.Unauthorized, slug);
        Exchanges(gateway);
        gateway.Time.Forward(TimeSpan.FromSeconds(8));
        await (await client.GetAsync("/orders")).ShouldBeProblem(HttpStatusCode.Unauthorized, slug);
        asked.ShouldBe(1);
        gateway.Time.Forward(TimeSpan.FromSeconds(2));
        (await client.GetAsync("/orders")).StatusCode.ShouldBe(HttpStatusCode.OK);
        asked.ShouldBe(2);
    }

    [Theory]
    [InlineData(200, "[]")]
    [InlineData(200, "null")]
    [InlineData(200, "{}")]
    [InlineData(200, "{\"accessToken\": 1}")]
    [InlineData(401, "\"no\"")]
    [InlineData(401, "{\"type\": \"https://opsplatform.dev/problems/api-key-revoked\"}")]
    [InlineData(500, "<html>")]
    public async Task An_answer_of_identity_that_is_not_understood_is_as_good_as_none(int status, string body)
    {
        await using var gateway = await Start();
        gateway.Upstream.OnJson("GET /orders", new { });
        var client = With(gateway, "X-Api-Key", Key);
        gateway.Upstream.On(Exchange, context =>
        {
            context.Response.StatusCode = status;
            return context.Response.WriteAsync(body);
        });
        await (await client.GetAsync("/orders")).ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "service-away");
        Exchanges(gateway);
        (await client.GetAsync("/orders")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public void Of_kept_answers_the_oldest_goes_for_one_more_and_none_is_good_beyond_its_time()
    {
        var (kept, now) = (new KeptAnswers(2, TimeSpan.FromSeconds(10)), DateTimeOffset.UnixEpoch);
        kept.Keep("a", "1", null, now);
        kept.Keep("b", "2", null, now.AddSeconds(5));
        kept.Find("a", now.AddSeconds(9))!.Value.Token.ShouldBe("1");
        kept.Find("a", now.AddSeconds(10)).ShouldBeNull();
        kept.Keep("a", "3", null, now.AddSeconds(11));
        kept.Find("b", now.AddSeconds(11))!.Value.Token.ShouldBe("2");
        kept.Keep("c", "4", null, now.AddSeconds(12));
        kept.Find("b", now.AddSeconds(12)).ShouldBeNull();
        kept.Find("a", now.AddSeconds(12))!.Value.Token.ShouldBe("3");
        kept.Keep("d", "5", null, now.AddSeconds(21));
        kept.Find("c", now.AddSeconds(21))!.Value.Token.ShouldBe("4");
    }

    [Fact]
    public async Task The_organisations_limit_holds_for_its_keys()
    {
        await using var gateway = await Start(("RateLimits:OrganisationPerSecond", "1"), ("RateLimits:OrganisationBurst", "3"));
        gateway.Upstream.OnJson("GET /orders", new { });
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => With(gateway, "X-Api-Key", Key).GetAsync("/orders")));

        answers.Count(answer => answer.StatusCode == HttpStatusCode.OK).ShouldBeInRange(3, 5);
        answers.ShouldContain(answer => answer.StatusCode == HttpStatusCode.TooManyRequests);
    }

    [Fact]
    public async Task A_key_beside_a_token_an_empty_and_a_far_too_long_one_are_refused()
    {
        await using var gateway = await Start();
        var both = gateway.Client();
        both.DefaultRequestHeaders.Add("X-Api-Key", Key);
        await (await both.GetAsync("/orders")).ShouldBeProblem(HttpStatusCode.BadRequest, "two-credentials");
        foreach (var key in new[] { "", "ops_", $"ops_{new string('x', 200)}" })
        {
            await (await With(gateway, "X-Api-Key", key).GetAsync("/orders")).ShouldBeProblem(HttpStatusCode.Unauthorized, "api-key-invalid");
        }

        asked.ShouldBe(0);
    }

    private async Task<TestGateway> Start(params (string Key, string Value)[] settings)
    {
        var gateway = await TestGateway.Start([("Client:Secret", "gateways own"), .. settings]);
        Exchanges(gateway);
        return gateway;
    }

    private void Exchanges(TestGateway gateway)
    {
        var org = Guid.NewGuid();
        gateway.Upstream.On(Exchange, async context =>
        {
            Interlocked.Increment(ref asked);
            AuthenticationHeaderValue.Parse(context.Request.Headers.Authorization!).Parameter.ShouldBe(Convert.ToBase64String("gateway:gateways%20own"u8));
            (await context.Request.ReadFromJsonAsync<Dictionary<string, string>>())!["key"].ShouldBe(Key);
            await context.Response.WriteAsJsonAsync(new { accessToken = gateway.Tokens.Token(org), expiresIn = 120, organisationId = org });
        });
    }

    private void Refuse(TestGateway gateway, int status, string slug) => gateway.Upstream.On(Exchange, async context =>
    {
        Interlocked.Increment(ref asked);
        context.Response.StatusCode = status;
        await context.Response.WriteAsJsonAsync(new { type = $"https://opsplatform.dev/problems/{slug}", title = "No.", detail = "Really." });
    });

    private static HttpClient With(TestGateway gateway, string header, string value)
    {
        var client = gateway.Anonymous();
        client.DefaultRequestHeaders.TryAddWithoutValidation(header, value);

        return client;
    }
}
