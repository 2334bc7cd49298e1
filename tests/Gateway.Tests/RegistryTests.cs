using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using OpsPlatform.Testing;
using Yarp.ReverseProxy;
using Yarp.ReverseProxy.Configuration;

namespace OpsPlatform.Gateway.Tests;

/// <summary>Orders stands at addresses of the registry's choice; every instance answers with its name.</summary>
public sealed class RegistryTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Requests_go_to_the_configured_address_until_the_registry_answers_and_then_where_it_says_within_a_second()
    {
        await using var registry = await StubRegistry.Start();
        await using var seed = await Instance("seed");
        await using var registered = await Instance("registered");
        await using var gateway = await Start(registry, seed);
        (await WhoAnswers(gateway)).ShouldBe("seed");

        var since = Stopwatch.StartNew();
        registry.Say(("orders", Guid.NewGuid(), registered.Address));
        await Eventually.Is(async () => await WhoAnswers(gateway) == "registered", TimeSpan.FromSeconds(1));
        output.WriteLine($"From the registry's answer to the first request at the new instance: {since.ElapsedMilliseconds} ms");
    }

    [Fact]
    public async Task With_the_registry_away_the_last_good_list_stays_and_once_it_is_back_it_is_followed_again()
    {
        var registry = await StubRegistry.Start();
        var address = registry.Address;
        await using var seed = await Instance("seed");
        await using var first = await Instance("first");
        await using var second = await Instance("second");
        await using var gateway = await Start(registry, seed);
        registry.Say(("orders", Guid.NewGuid(), first.Address));
        await Eventually.Is(async () => await WhoAnswers(gateway) == "first");

        await registry.DisposeAsync();
        (await WhoAnswers(gateway)).ShouldBe("first");

        await using var back = await StubRegistry.Start(address);
        back.Say(("orders", Guid.NewGuid(), second.Address));
        await Eventually.Is(async () => await WhoAnswers(gateway) == "second");
    }

    [Theory]
    [InlineData(200, "<html>")]
    [InlineData(200, "null")]
    [InlineData(200, "[]")]
    [InlineData(200, "{}")]
    [InlineData(200, """{"version":"x","services":{}}""")]
    [InlineData(200, """{"version":"x","services":{"orders":[]}}""")]
    [InlineData(200, """{"version":"x","services":{"orders":null}}""")]
    [InlineData(200, """{"version":"x","services":{"orders":[null]}}""")]
    [InlineData(200, """{"version":"x","services":{"orders":[{"id":"1b4e28ba-2fa1-11d2-883f-0016d3cca427","address":"file:///etc/passwd"}]}}""")]
    [InlineData(200, """{"version":"x","services":{"orders":[{"id":"1b4e28ba-2fa1-11d2-883f-0016d3cca427","address":"http://169.254.169.254"}]}}""")]
    [InlineData(200, """{"version":"x","services":{"nobody":[{"id":"1b4e28ba-2fa1-11d2-883f-0016d3cca427","address":"http://10.0.0.1"}]}}""")]
    [InlineData(302, "")]
    [InlineData(401, "")]
    [InlineData(500, "broken")]
    public async Task What_cannot_be_right_changes_nothing(int status, string text)
    {
        await using var registry = await StubRegistry.Start();
        await using var seed = await Instance("seed");
        await using var registered = await Instance("registered");
        await using var gateway = await Start(registry, seed);
        registry.Say(("orders", Guid.NewGuid(), registered.Address));
        await Eventually.Is(async () => await WhoAnswers(gateway) == "registered");

        var before = registry.Answered;
        registry.SayRaw(status, text);
        await Eventually.Is(() => Task.FromResult(registry.Answered > before));
        (await WhoAnswers(gateway)).ShouldBe("registered");

        // And the next good list is taken, which also shows that the bad one was looked at.
        registry.Say(("orders", Guid.NewGuid(), seed.Address));
        await Eventually.Is(async () => await WhoAnswers(gateway) == "seed");
    }

    [Fact]
    public async Task A_service_of_which_the_registry_knows_no_fit_instance_is_reached_at_its_configured_address_or_where_it_was_last()
    {
        await using var registry = await StubRegistry.Start();
        await using var seed = await Instance("seed");
        await using var registered = await Instance("registered");
        await using var gateway = await Start(registry, seed);
        registered.On("GET /recipes", context => context.Response.WriteAsync("registered"));
        registry.Say(("orders", Guid.NewGuid(), registered.Address), ("inventory", Guid.NewGuid(), registered.Address));
        await Eventually.Is(async () => await WhoAnswers(gateway) == "registered");

        registry.Say(("sync", Guid.NewGuid(), seed.Address));
        await Eventually.Is(async () => await WhoAnswers(gateway) == "seed");
        (await gateway.Client().GetStringAsync("/recipes")).ShouldBe("registered");
    }

    [Fact]
    public async Task A_killed_instance_is_left_out_at_the_first_refused_connection_and_no_request_fails()
    {
        await using var registry = await StubRegistry.Start();
        await using var stays = await Instance("stays");
        var dies = await Instance("dies");
        await using var gateway = await Start(registry, stays);
        var (stayingId, dyingId) = (Guid.NewGuid(), Guid.NewGuid());
        registry.Say(("orders", stayingId, stays.Address), ("orders", dyingId, dies.Address));
        using var client = gateway.Client();
        HashSet<string> seen = [];
        await Eventually.Is(async () =>
        {
            seen.Add(await client.GetStringAsync("/orders"));
            return seen.IsSupersetOf(["stays", "dies"]);
        });

        await dies.DisposeAsync();
        var killed = Stopwatch.StartNew();
        await Eventually.Is(async () =>
        {
            (await client.GetStringAsync("/orders")).ShouldBe("stays");
            return Fit(gateway).SequenceEqual([$"{stayingId}"]);
        }, TimeSpan.FromSeconds(2));
        output.WriteLine($"From the kill to out of the list of fit instances: {killed.ElapsedMilliseconds} ms");
    }

    [Fact]
    public async Task A_restarted_instance_at_the_old_address_is_used_at_once_whatever_its_predecessor_did()
    {
        await using var registry = await StubRegistry.Start();
        await using var stays = await Instance("stays");
        var dies = await Instance("dies");
        var address = dies.Address;
        await using var gateway = await Start(registry, stays);
        var (stayingId, dyingId, newId) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
        registry.Say(("orders", stayingId, stays.Address), ("orders", dyingId, address));
        await dies.DisposeAsync();
        await Eventually.Is(async () => await WhoAnswers(gateway) == "stays" && Fit(gateway).SequenceEqual([$"{stayingId}"]));

        await using var restarted = await Instance("restarted", address);
        var since = Stopwatch.StartNew();
        registry.Say(("orders", stayingId, stays.Address), ("orders", newId, address));
        await Eventually.Is(async () => await WhoAnswers(gateway) == "restarted", TimeSpan.FromSeconds(1));
        output.WriteLine($"From its registration to its first request: {since.ElapsedMilliseconds} ms");
    }

    [Fact]
    public async Task When_all_fit_instances_refuse_those_left_out_are_tried_before_the_caller_is_refused()
    {
        await using var registry = await StubRegistry.Start();
        var one = await Instance("one");
        var other = await Instance("other");
        var (addressOfOne, addressOfOther) = (one.Address, other.Address);
        await using var gateway = await Start(registry, one);
        var (oneId, otherId) = (Guid.NewGuid(), Guid.NewGuid());
        registry.Say(("orders", oneId, addressOfOne), ("orders", otherId, addressOfOther));
        await one.DisposeAsync();
        await Eventually.Is(async () => await WhoAnswers(gateway) == "other" && Fit(gateway).SequenceEqual([$"{otherId}"]));

        await using var back = await Instance("back", addressOfOne);
        await other.DisposeAsync();
        (await WhoAnswers(gateway)).ShouldBe("back");
    }

    [Fact]
    public async Task The_same_list_under_another_version_does_not_rebuild_the_proxys_configuration()
    {
        await using var registry = await StubRegistry.Start();
        await using var seed = await Instance("seed");
        await using var registered = await Instance("registered");
        await using var gateway = await Start(registry, seed);
        var id = Guid.NewGuid();
        registry.Say(("orders", id, registered.Address));
        await Eventually.Is(async () => await WhoAnswers(gateway) == "registered");

        var configuration = gateway.Services.GetRequiredService<IProxyConfigProvider>().GetConfig();
        var answered = registry.Answered;
        registry.Say(("orders", id, registered.Address));
        await Eventually.Is(() => Task.FromResult(registry.Answered > answered));
        registry.Say(("orders", id, registered.Address));
        await Eventually.Is(() => Task.FromResult(registry.Answered > answered + 1));
        gateway.Services.GetRequiredService<IProxyConfigProvider>().GetConfig().ShouldBeSameAs(configuration);
    }

    [Fact]
    public async Task The_merged_document_is_fetched_from_where_the_registry_says()
    {
        await using var registry = await StubRegistry.Start();
        await using var seed = await Instance("seed");
        await using var registered = await Instance("registered");
        await using var gateway = await Start(registry, seed);
        gateway.Upstream.OnJson("GET /identity/openapi.json", new { });
        gateway.Upstream.OnJson("GET /sync/openapi.json", new { });
        registered.On("GET /orders/openapi.json", context => context.Response.WriteAsync("""{"openapi":"3.1.1","paths":{"/orders/registered":{}}}"""));
        registry.Say(("orders", Guid.NewGuid(), registered.Address));
        await Eventually.Is(async () => await WhoAnswers(gateway) == "registered");

        (await gateway.Anonymous().GetStringAsync("/openapi.json")).ShouldContain("/orders/registered");
    }

    [Fact]
    public async Task The_gateway_registers_too_and_says_goodbye()
    {
        await using var registry = await StubRegistry.Start();
        await using var seed = await Instance("seed");
        await using var gateway = await Start(registry, seed);
        var put = await Eventually.Is(() => Task.FromResult(registry.Announced.FirstOrDefault()), said => said is not null);
        put.ShouldStartWith("PUT /registry/services/gateway/instances/");

        await gateway.Stop();
        registry.Announced.Last().ShouldBe(put!.Replace("PUT", "DELETE", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_gateway_that_stops_while_it_registers_says_goodbye_after_it_is_known()
    {
        await using var registry = await StubRegistry.Start();
        registry.HoldRegistrations();
        await using var seed = await Instance("seed");
        await using var gateway = await Start(registry, seed);
        await registry.Asked.Task.WaitAsync(TimeSpan.FromSeconds(20));

        var stopping = gateway.Stop();
        registry.Answers.SetResult();
        await stopping;

        registry.Announced.Select(said => said[..said.IndexOf(' ', StringComparison.Ordinal)]).ShouldBe(["PUT", "DELETE"]);
    }

    [Fact]
    public async Task Without_a_registry_or_a_secret_the_configured_addresses_are_all_there_is()
    {
        await using var gateway = await TestGateway.Start(("Client:Secret", "secret"));
        gateway.Upstream.OnEcho("GET /orders");
        (await gateway.Client().GetAsync("/orders")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    private static async Task<StubUpstream> Instance(string name, string address = "http://127.0.0.1:0")
    {
        var instance = await StubUpstream.Start(address);
        instance.On("GET /orders", context => context.Response.WriteAsync(name));

        return instance;
    }

    private static Task<TestGateway> Start(StubRegistry registry, StubUpstream seed) => TestGateway.Start(
        ("services:registry:http:0", registry.Address),
        ("Client:Secret", StubRegistry.Secret),
        ("services:orders:http:0", seed.Address),
        ("services:inventory:http:0", null!));

    private static async Task<string> WhoAnswers(TestGateway gateway) => await gateway.Client().GetStringAsync("/orders");

    /// <summary>The destinations that requests to Orders may take now.</summary>
    private static IEnumerable<string> Fit(TestGateway gateway) =>
        gateway.Services.GetRequiredService<IProxyStateLookup>().TryGetCluster("orders", out var cluster)
            ? cluster.DestinationsState.AvailableDestinations.Select(destination => destination.DestinationId)
            : [];
}
