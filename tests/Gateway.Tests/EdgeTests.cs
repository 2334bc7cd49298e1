using System.Net;
using System.Net.Http.Json;

namespace OpsPlatform.Gateway.Tests;

public sealed class EdgeTests
{
    private const string Correlation = "X-Correlation-Id";

    [Fact]
    public async Task A_correlation_id_is_passed_on_and_returned_once_made_when_missing_and_replaced_when_it_is_no_uuid()
    {
        await using var gateway = await TestGateway.Start();
        gateway.Upstream.OnEcho("GET /orders");
        var given = Guid.NewGuid().ToString();

        foreach (var sent in new[] { given, null, "<script>" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/orders");
            request.Headers.TryAddWithoutValidation(Correlation, sent);
            var response = await gateway.Client().SendAsync(request);
            var returned = response.Header(Correlation)!;

            Guid.TryParse(returned, out _).ShouldBeTrue(returned);
            (await response.Content.ReadFromJsonAsync<Echo>())!.Headers[Correlation].ShouldBe(returned);
            (returned == given).ShouldBe(sent == given);
        }

        Guid.TryParse((await gateway.Anonymous().GetAsync("/orders")).Header(Correlation), out _).ShouldBeTrue();
    }

    [Fact]
    public async Task Headers_only_the_house_may_write_are_taken_from_callers()
    {
        await using var gateway = await TestGateway.Start();
        gateway.Upstream.OnEcho("GET /orders");
        var client = gateway.Client();

        foreach (var name in new[] { "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-User", "Forwarded", "X-Real-IP", "X-Original-URL", "X-Ops-Org" })
        {
            client.DefaultRequestHeaders.TryAddWithoutValidation(name, "6.6.6.6");
        }

        var echo = await client.GetFromJsonAsync<Echo>("/orders");
        echo!.Headers.Values.ShouldNotContain(value => value.Contains("6.6.6.6"));
        echo.Headers["X-Forwarded-For"].ShouldBe("127.0.0.1");

        // An operator works on the machine itself, never through the front door.
        using var asOperator = new HttpRequestMessage(HttpMethod.Get, "/orders/errors");
        asOperator.Headers.Add("X-Operator-Key", "key");
        await (await gateway.Anonymous().SendAsync(asOperator)).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthenticated");
    }

    [Theory]
    [InlineData("\u00ff")]
    [InlineData("\u00c3\u00a4")]
    public async Task A_header_outside_ASCII_is_the_callers_mistake_and_no_broken_service(string value)
    {
        await using var gateway = await TestGateway.Start();
        gateway.Upstream.OnEcho("GET /orders");
        using var client = new HttpClient(new SocketsHttpHandler { RequestHeaderEncodingSelector = (_, _) => System.Text.Encoding.Latin1 });
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(gateway.Anonymous().BaseAddress!, "/orders"));
        request.Headers.Authorization = gateway.Client().DefaultRequestHeaders.Authorization;
        request.Headers.TryAddWithoutValidation("If-Match", value);

        await (await client.SendAsync(request)).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid");
    }

    [Fact]
    public async Task Every_answer_tells_browsers_what_they_may_not_do_and_not_what_we_run()
    {
        await using var gateway = await TestGateway.Start();
        gateway.Upstream.On("GET /orders", context =>
        {
            context.Response.Headers.Server = "secret/1.0";
            return Task.CompletedTask;
        });

        foreach (var response in new[] { await gateway.Client().GetAsync("/orders"), await gateway.Anonymous().GetAsync("/orders"), await gateway.Anonymous().GetAsync("/nowhere") })
        {
            response.Header("X-Content-Type-Options").ShouldBe("nosniff");
            response.Header("X-Frame-Options").ShouldBe("DENY");
            response.Header("Referrer-Policy").ShouldBe("no-referrer");
            response.Header("Server").ShouldBeNull();
            response.Header("Strict-Transport-Security").ShouldBeNull();
        }
    }

    [Fact]
    public async Task Browsers_may_call_from_configured_origins_only_and_see_the_headers_they_need()
    {
        await using var gateway = await TestGateway.Start(("Cors:Origins", "https://console.example, http://localhost:5173"));
        gateway.Upstream.OnEcho("GET /orders");

        var allowed = await Preflight(gateway, "https://console.example");
        allowed.Header("Access-Control-Allow-Origin").ShouldBe("https://console.example");
        allowed.Header("Access-Control-Allow-Credentials").ShouldBeNull();
        foreach (var name in new[] { "Authorization", "Prefer", "Idempotency-Key", "Last-Event-ID", Correlation })
        {
            allowed.Header("Access-Control-Allow-Headers")!.ShouldContain(name);
        }

        (await Preflight(gateway, "https://evil.example")).Header("Access-Control-Allow-Origin").ShouldBeNull();

        // Also on refusals, or a browser could not tell an expired token from a broken network.
        foreach (var client in new[] { gateway.Client(), gateway.Anonymous() })
        {
            client.DefaultRequestHeaders.Add("Origin", "http://localhost:5173");
            var response = await client.GetAsync("/orders");
            response.Header("Access-Control-Allow-Origin").ShouldBe("http://localhost:5173");
            foreach (var name in new[] { "Location", "Retry-After", Correlation, "Preference-Applied", "Idempotent-Replayed" })
            {
                response.Header("Access-Control-Expose-Headers")!.ShouldContain(name);
            }
        }
    }

    [Fact]
    public async Task JSON_is_compressed_for_those_who_can_read_it()
    {
        await using var gateway = await TestGateway.Start();
        gateway.Upstream.OnJson("GET /orders", new { note = new string('x', 5000) });
        var client = gateway.Client();
        (await client.GetAsync("/orders")).Header("Content-Encoding").ShouldBeNull();
        client.DefaultRequestHeaders.Add("Accept-Encoding", "br");

        (await client.GetAsync("/orders")).Header("Content-Encoding").ShouldBe("br");
    }

    private static Task<HttpResponseMessage> Preflight(TestGateway gateway, string origin)
    {
        var request = new HttpRequestMessage(HttpMethod.Options, "/orders");
        request.Headers.Add("Origin", origin);
        request.Headers.Add("Access-Control-Request-Method", "POST");
        request.Headers.Add("Access-Control-Request-Headers", "authorization,idempotency-key,prefer");

        return gateway.Anonymous().SendAsync(request);
    }
}
