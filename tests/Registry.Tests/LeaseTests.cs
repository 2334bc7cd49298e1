using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.Testing;

namespace OpsPlatform.Registry.Tests;

public sealed class LeaseTests(RegistryFixture registry, ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_killed_instance_is_marked_lost_within_its_lease_and_a_look_and_with_a_heartbeat_it_is_back()
    {
        await using var silent = await StubInstance.Start(registry);
        await using var steady = await StubInstance.Start(registry, silent.Service);
        await silent.Announced();
        await steady.Announced();
        var since = Stopwatch.StartNew();
        await Eventually.Is(async () =>
        {
            await steady.Announced();
            return await registry.StateOf(silent.Service, silent.Id) == "lost";
        });
        since.Elapsed.ShouldBeGreaterThan(RegistryFixture.Lease - TimeSpan.FromMilliseconds(200));
        // The leases are looked at eight times in each; the rest is for a machine that is busy with other tests.
        since.Elapsed.ShouldBeLessThan((RegistryFixture.Lease * 9 / 8) + TimeSpan.FromSeconds(2));
        output.WriteLine($"Lease {RegistryFixture.LeaseMs} ms; lost after {since.ElapsedMilliseconds} ms");
        (await registry.Routes(silent.Service)).ShouldBe([steady.Address]);

        (await silent.Announced()).ShouldBe("healthy");
        (await registry.PathOf(silent.Id)).ShouldBe(["healthy", "lost", "healthy"]);
        (await registry.PathOf(steady.Id)).ShouldBe(["healthy"]);
    }

    [Fact]
    public async Task An_instance_nobody_can_reach_gets_no_requests_until_it_is_reached()
    {
        await using var instance = await StubInstance.Start(registry);
        instance.Health = context =>
        {
            context.Response.StatusCode = 503;
            return Task.CompletedTask;
        };
        (await instance.Announced()).ShouldBe("unhealthy");
        (await registry.Routes(instance.Service)).ShouldBeEmpty();
        (await registry.Instances(instance.Service))[0].GetProperty("reason").GetString()!.ShouldContain("answered 503");

        instance.Health = _ => Task.CompletedTask;
        await Eventually.Is(async () => await instance.Announced() == "healthy");
        (await registry.Routes(instance.Service)).ShouldBe([instance.Address]);
    }

    [Fact]
    public async Task An_instance_that_was_reached_and_no_longer_is_stays_in_use_as_degraded_while_its_heartbeats_come()
    {
        await using var instance = await StubInstance.Start(registry);
        await instance.Announced();
        instance.Health = context =>
        {
            context.Abort();
            return Task.CompletedTask;
        };
        await Eventually.Is(async () => await instance.Announced() == "degraded");
        (await registry.Routes(instance.Service)).ShouldBe([instance.Address]);
        instance.Health = _ => Task.CompletedTask;
        await Eventually.Is(async () => await instance.Announced() == "healthy");
        (await registry.PathOf(instance.Id)).ShouldBe(["healthy", "degraded", "healthy"]);
    }

    [Fact]
    public async Task A_probe_follows_no_redirect_waits_not_for_long_and_reads_no_body()
    {
        await using var redirecting = await StubInstance.Start(registry);
        redirecting.Health = context =>
        {
            context.Response.Redirect("/elsewhere");
            return Task.CompletedTask;
        };
        (await redirecting.Announced()).ShouldBe("unhealthy");

        await using var hanging = await StubInstance.Start(registry);
        hanging.Health = context => Task.Delay(Timeout.Infinite, context.RequestAborted);
        var since = Stopwatch.StartNew();
        (await hanging.Announced()).ShouldBe("unhealthy");
        since.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(6));

        // A body without an end is not waited for.
        await using var endless = await StubInstance.Start(registry);
        endless.Health = async context =>
        {
            while (!context.RequestAborted.IsCancellationRequested)
            {
                await context.Response.Body.WriteAsync(new byte[16 * 1024], context.RequestAborted);
            }
        };
        (await endless.Announced()).ShouldBe("healthy");
    }

    [Fact]
    public async Task A_gateway_hears_of_a_change_at_once_and_otherwise_waits()
    {
        await using var instance = await StubInstance.Start(registry);
        await instance.Announced();
        using var gateway = registry.AsService("gateway");
        var known = await gateway.GetFromJsonAsync<JsonElement>("/registry/routes");
        List<long> milliseconds = [];
        for (var i = 0; i < 5; i++)
        {
            await using var another = await StubInstance.Start(registry, instance.Service);
            var since = Stopwatch.StartNew();
            await another.Announced();
            known = await Until(gateway, known, routes => RegistryFixture.RoutesIn(routes, instance.Service).Contains(another.Address), another);
            milliseconds.Add(since.ElapsedMilliseconds);
            (await another.Leave()).Dispose();
            known = await Until(gateway, known, routes => !RegistryFixture.RoutesIn(routes, instance.Service).Contains(another.Address));
        }

        milliseconds.Order().ElementAt(milliseconds.Count / 2).ShouldBeLessThan(1_000);
        output.WriteLine($"From the registration, its probe included, to the gateway's answer: {string.Join(", ", milliseconds)} ms");
    }

    [Fact]
    public async Task Two_replicas_of_the_registry_are_one()
    {
        await using var second = new RegistryFixture { DatabaseName = registry.DatabaseName, SharedMessaging = registry.Messaging };
        await second.InitializeAsync();
        await Eventually.Is(() => Task.FromResult(((RegistryFixture[])[registry, second]).All(one => one.Services.GetRequiredService<Replicas>().Count == 2)));
        await using var instance = await StubInstance.Start(registry);
        await instance.Announced(replica: second);
        (await registry.StateOf(instance.Service, instance.Id)).ShouldBe("healthy");

        // A gateway that waits at one replica hears of what happens at the other.
        using var gateway = second.AsService("gateway");
        var known = await gateway.GetFromJsonAsync<JsonElement>("/registry/routes");
        var since = Stopwatch.StartNew();
        await instance.Announced("unhealthy");
        await Until(gateway, known, routes => RegistryFixture.RoutesIn(routes, instance.Service).Length == 0);
        output.WriteLine($"From a change at another replica to the gateway's answer: {since.ElapsedMilliseconds} ms");
        since.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(10));

        // Both look at the leases; the loss is noted once.
        await Eventually.Is(async () => await registry.StateOf(instance.Service, instance.Id) == "lost");
        await using var witness = await StubInstance.Start(registry);
        await witness.Announced();
        await Eventually.Is(async () => await registry.StateOf(witness.Service, witness.Id) == "lost");
        (await registry.PathOf(instance.Id)).ShouldBe(["healthy", "unhealthy", "lost"]);
    }

    [Fact]
    public async Task A_registry_that_was_away_loses_nobody_who_is_still_there()
    {
        await using var before = new RegistryFixture();
        await before.InitializeAsync();
        await using var stays = await StubInstance.Start(before);
        await using var dies = await StubInstance.Start(before);
        await stays.Announced();
        await dies.Announced();
        await before.DisposeAsync();
        await using (var admin = new NpgsqlConnection((await Infrastructure.Get()).Database(before.DatabaseName)))
        {
            await admin.OpenAsync();
            await using var longAgo = new NpgsqlCommand("UPDATE instances SET last_heartbeat_at = now() - interval '1 minute'", admin);
            await longAgo.ExecuteNonQueryAsync();
        }

        await using var after = new RegistryFixture { DatabaseName = before.DatabaseName };
        await after.InitializeAsync();
        await Eventually.Is(async () =>
        {
            await stays.Announced(replica: after);
            return await after.StateOf(dies.Service, dies.Id) == "lost";
        });
        (await after.PathOf(stays.Id)).ShouldBe(["healthy"]);
    }

    /// <summary>Follows the routes as a gateway does, and answers the first that fit.</summary>
    /// <param name="alive">Reports again while it is waited for: on a busy machine its lease may end meanwhile.</param>
    private static async Task<JsonElement> Until(HttpClient gateway, JsonElement known, Func<JsonElement, bool> fits, StubInstance? alive = null)
    {
        for (var since = Stopwatch.StartNew(); !fits(known); since.Elapsed.ShouldBeLessThan(Patience, $"the routes never became what was waited for: {known}"))
        {
            await (alive?.Announced() ?? Task.CompletedTask);
            known = await gateway.GetFromJsonAsync<JsonElement>($"/registry/routes?after={known.GetProperty("version").GetString()}");
        }

        return known;
    }
}
