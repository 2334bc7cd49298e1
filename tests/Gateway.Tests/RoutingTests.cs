using System.Collections.Frozen;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using OpsPlatform.Gateway.Routing;

namespace OpsPlatform.Gateway.Tests;

public sealed class RoutingTests
{
    [Theory]
    [InlineData("/identity/me", "identity")]
    [InlineData("/inventory/status", "inventory")]
    [InlineData("/ingredients/1/stock", "inventory")]
    [InlineData("/recipes", "inventory")]
    [InlineData("/orders", "orders")]
    [InlineData("/menu/1", "orders")]
    [InlineData("/customers", "orders")]
    [InlineData("/sync/stats", "sync")]
    [InlineData("/operations/1/wait", "operations")]
    public async Task A_path_reaches_its_service_with_its_prefix_query_and_token(string path, string service)
    {
        await using var theService = await StubUpstream.Start();
        await using var gateway = service == "identity" ? await TestGateway.Start() : await TestGateway.Start(($"services:{service}:http:0", theService.Address));
        (service == "identity" ? gateway.Upstream : theService).OnEcho($"GET {path}");

        var echo = await gateway.Client().GetFromJsonAsync<Echo>($"{path}?limit=5");
        echo!.Query.ShouldBe("?limit=5");
        echo.Headers["Authorization"].ShouldStartWith("Bearer ");
    }

    [Fact]
    public async Task Without_a_valid_token_no_service_is_bothered()
    {
        await using var gateway = await TestGateway.Start();
        var tokens = gateway.Tokens;

        foreach (var token in new[] { null, "garbage", tokens.Token(Guid.NewGuid(), lifetime: TimeSpan.FromMinutes(-1)), tokens.Token(Guid.NewGuid(), change: claims => claims["aud"] = "others") })
        {
            var client = gateway.Anonymous();
            client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", token is null ? null : $"Bearer {token}");
            await (await client.GetAsync("/orders")).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthenticated");
            await (await client.PostAsJsonAsync("/sync/feed", new { })).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthenticated");
            await (await client.GetAsync("/identity/register")).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthenticated");
        }
    }

    [Theory]
    [InlineData("POST", "/identity/register")]
    [InlineData("POST", "/identity/login")]
    [InlineData("POST", "/identity/refresh")]
    [InlineData("POST", "/identity/logout")]
    [InlineData("GET", "/identity/.well-known/openid-configuration")]
    [InlineData("GET", "/sync/feed")]
    public async Task What_lets_people_in_needs_no_token(string method, string path)
    {
        await using var gateway = await TestGateway.Start();
        gateway.Upstream.OnJson($"{method} {path}", new { });

        (await gateway.Anonymous().SendAsync(new HttpRequestMessage(new HttpMethod(method), path))).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("/nowhere")]
    [InlineData("/orderss")]
    [InlineData("/a/b.c")]
    public async Task An_unknown_path_is_a_problem(string path)
    {
        await using var gateway = await TestGateway.Start();

        await (await gateway.Client().GetAsync(path)).ShouldBeProblem(HttpStatusCode.NotFound, "no-such-path");
    }

    [Fact]
    public async Task A_services_own_refusal_passes_unchanged()
    {
        await using var gateway = await TestGateway.Start();
        gateway.Upstream.On("POST /orders", context =>
        {
            context.Response.StatusCode = 409;
            context.Response.ContentType = "application/problem+json";
            return context.Response.WriteAsync("""{"type":"https://opsplatform.dev/problems/order-rejected","traceId":"1"}""");
        });

        await (await gateway.Client().PostAsJsonAsync("/orders", new { })).ShouldBeProblem(HttpStatusCode.Conflict, "order-rejected");
    }

    [Fact]
    public async Task A_service_that_is_down_is_503_and_one_without_an_address_too()
    {
        await using var gateway = await TestGateway.Start(("services:orders:http:0", Nowhere()), ("services:inventory:http:0", null!));

        foreach (var path in new[] { "/orders", "/recipes" })
        {
            var response = await gateway.Client().GetAsync(path);
            await response.ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "service-away");
            response.Header("Retry-After").ShouldBe("2");
        }
    }

    [Fact]
    public async Task A_request_goes_to_the_next_instance_when_one_is_down_whatever_its_method()
    {
        await using var gateway = await TestGateway.Start(("services:orders:http:1", Nowhere()));
        gateway.Upstream.OnEcho("POST /orders");

        for (var i = 0; i < 20; i++)
        {
            var response = await gateway.Client().PostAsJsonAsync("/orders", new { number = i });
            (await response.Content.ReadFromJsonAsync<Echo>())!.Body.ShouldBe($$"""{"number":{{i}}}""");
        }
    }

    [Fact]
    public async Task A_service_that_hangs_up_is_502()
    {
        await using var gateway = await TestGateway.Start();
        gateway.Upstream.On("GET /orders", context =>
        {
            context.Abort();
            return Task.CompletedTask;
        });

        gateway.Upstream.On("POST /orders", context =>
        {
            context.Abort();
            return Task.CompletedTask;
        });

        await (await gateway.Client().PostAsJsonAsync("/orders", new { })).ShouldBeProblem(HttpStatusCode.BadGateway, "service-failed");
        var response = await gateway.Client().GetAsync("/orders");
        await response.ShouldBeProblem(HttpStatusCode.BadGateway, "service-failed");
        response.Header("Retry-After").ShouldBe("2");
    }

    [Fact]
    public async Task Only_what_changes_nothing_is_asked_again_when_a_service_hangs_up()
    {
        await using var gateway = await TestGateway.Start();
        var calls = 0;
        RequestDelegate hangUpOnce = context =>
        {
            if (Interlocked.Increment(ref calls) == 1)
            {
                context.Abort();
                return Task.CompletedTask;
            }

            return context.Response.WriteAsJsonAsync(new { calls });
        };
        gateway.Upstream.On("GET /orders", hangUpOnce);
        gateway.Upstream.On("POST /orders", hangUpOnce);

        (await gateway.Client().GetAsync("/orders")).StatusCode.ShouldBe(HttpStatusCode.OK);
        calls.ShouldBe(2);
        calls = 0;
        await (await gateway.Client().PostAsJsonAsync("/orders", new { })).ShouldBeProblem(HttpStatusCode.BadGateway, "service-failed");
        calls.ShouldBe(1);
    }

    [Fact]
    public async Task A_service_that_does_not_answer_in_time_is_504()
    {
        await using var gateway = await TestGateway.Start(("Gateway:ActivityTimeout", "00:00:00.300"));
        gateway.Upstream.On("GET /orders", context => Task.Delay(Timeout.Infinite, context.RequestAborted));

        var response = await gateway.Client().GetAsync("/orders");
        await response.ShouldBeProblem(HttpStatusCode.GatewayTimeout, "service-timeout");
        response.Header("Retry-After").ShouldBe("2");
    }

    [Fact]
    public async Task After_a_body_too_large_the_same_connection_goes_on()
    {
        await using var gateway = await TestGateway.Start();
        gateway.Upstream.OnEcho("POST /orders");
        var client = gateway.Client();
        for (var i = 0; i < 20; i++)
        {
            using var large = new ByteArrayContent(new byte[1024 * 1024 + 1]);
            await (await client.PostAsync("/orders", large)).ShouldBeProblem(HttpStatusCode.RequestEntityTooLarge, "body-too-large");
            (await client.PostAsync("/orders", new StringContent("x"))).StatusCode.ShouldBe(HttpStatusCode.OK);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_of_more_than_a_mebibyte_is_413_whether_its_length_is_announced_or_not(bool chunked)
    {
        await using var gateway = await TestGateway.Start();
        gateway.Upstream.OnEcho("POST /orders");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/orders") { Content = new ByteArrayContent(new byte[(1024 * 1024) + 1]) };
        request.Headers.TransferEncodingChunked = chunked;

        await (await gateway.Client().SendAsync(request)).ShouldBeProblem(HttpStatusCode.RequestEntityTooLarge, "body-too-large");
        (await gateway.Client().PostAsync("/orders", new ByteArrayContent(new byte[1024 * 1024]))).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task One_OpenAPI_document_holds_all_services_and_names_the_one_that_is_away()
    {
        await using var gateway = await TestGateway.Start(("services:sync:http:0", Nowhere()));

        foreach (var service in new[] { "identity", "inventory", "orders" })
        {
            gateway.Upstream.On($"GET /{service}/openapi.json", context => context.Response.WriteAsync("""
                {"openapi":"3.1.1","paths":{"/SERVICE/thing":{"get":{"responses":{"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Response"}}}}}}}},
                 "components":{"schemas":{"Response":{"type":"object","title":"SERVICE"}}}}
                """.Replace("SERVICE", service, StringComparison.Ordinal)));
        }

        var document = JsonDocument.Parse(await gateway.Anonymous().GetStringAsync("/openapi.json")).RootElement;
        document.GetProperty("paths").EnumerateObject().Select(path => path.Name).ShouldBe(["/identity/thing", "/inventory/thing", "/orders/thing"]);
        document.GetProperty("components").GetProperty("schemas").GetProperty("Orders_Response").GetProperty("title").GetString().ShouldBe("orders");
        document.GetProperty("paths").GetProperty("/orders/thing").ToString().ShouldContain("#/components/schemas/Orders_Response");
        document.GetProperty("x-unavailable").EnumerateArray().Select(service => service.GetString()).ShouldBe(["sync", "operations", "analytics", "registry"]);
    }

    [Fact]
    public async Task The_index_and_the_health_of_the_gateway_itself_need_no_service_and_no_token()
    {
        await using var gateway = await TestGateway.Start(("services:identity:http:0", Nowhere()));

        (await gateway.Anonymous().GetStringAsync("/")).ShouldContain("/openapi.json");
        (await gateway.Anonymous().GetAsync("/health")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await gateway.Anonymous().GetAsync("/alive")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public void Who_waits_for_an_operation_may_be_silent_for_as_long_as_such_a_wait_takes()
    {
        var clusters = Upstreams.Clusters(
            new ConfigurationBuilder().Build(), Upstreams.Paths.Keys.ToDictionary(service => service, _ => FrozenDictionary<string, string>.Empty));

        clusters.Single(cluster => cluster.ClusterId == "operations").HttpRequest!.ActivityTimeout!.Value.ShouldBeGreaterThan(TimeSpan.FromSeconds(55));
        clusters.Where(cluster => cluster.ClusterId != "operations").ShouldAllBe(cluster => cluster.HttpRequest!.ActivityTimeout == TimeSpan.FromSeconds(40));
    }

    /// <summary>An address at which nothing listens.</summary>
    private static string Nowhere()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();

        return $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";
    }
}
