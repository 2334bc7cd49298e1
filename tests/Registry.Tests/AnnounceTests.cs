using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using OpsPlatform.Contracts;

namespace OpsPlatform.Registry.Tests;

public sealed class AnnounceTests(RegistryFixture registry)
{
    [Fact]
    public async Task A_registered_instance_is_listed_with_what_it_said_and_takes_requests()
    {
        await using var instance = await StubInstance.Start(registry);
        using (var answer = await instance.Announce())
        {
            var lease = await answer.Content.ReadFromJsonAsync<JsonElement>();
            lease.GetProperty("state").GetString().ShouldBe("healthy");
            lease.GetProperty("heartbeatMs").GetInt32().ShouldBe(RegistryFixture.HeartbeatMs);
            lease.GetProperty("leaseMs").GetInt32().ShouldBe(RegistryFixture.LeaseMs);
        }

        var listed = (await registry.Instances(instance.Service)).ShouldHaveSingleItem();
        listed.GetProperty("id").GetGuid().ShouldBe(instance.Id);
        listed.GetProperty("address").GetString().ShouldBe(instance.Address);
        listed.GetProperty("state").GetString().ShouldBe("healthy");
        listed.GetProperty("version").GetString().ShouldBe("1.2.3+abc");
        listed.GetProperty("hostName").GetString().ShouldBe("box");
        listed.GetProperty("processId").GetInt32().ShouldBe(42);
        listed.GetProperty("uptimeSeconds").GetDouble().ShouldBeInRange(90, 150);
        listed.GetProperty("lastHeartbeatAt").GetDateTimeOffset().ShouldBeGreaterThan(DateTimeOffset.UtcNow.AddMinutes(-1));
        listed.GetProperty("checks")[0].GetProperty("name").GetString().ShouldBe("database");
        listed.TryGetProperty("keyHash", out _).ShouldBeFalse();
        (await registry.Routes(instance.Service)).ShouldBe([instance.Address]);
        instance.Probes.ShouldBe(1);
    }

    [Fact]
    public async Task Every_change_of_state_is_in_the_history_and_said_to_everybody()
    {
        var heard = await registry.Broker.Listen<ServiceHealthChanged>();
        await using var instance = await StubInstance.Start(registry);
        foreach (var (status, from) in new[] { ("starting", null), ("healthy", "starting"), ("degraded", "healthy"), ("unhealthy", "degraded"), ("healthy", "unhealthy") })
        {
            (await instance.Announced(status)).ShouldBe(status);
            (await instance.Announced(status)).ShouldBe(status);
            var said = (await heard.Next(null, message => message.InstanceId == instance.Id)).Message;
            (said.From, said.To).ShouldBe((from, status));
            said.Reason.ShouldNotBeEmpty();
            (await registry.Routes(instance.Service)).Length.ShouldBe(status is "healthy" or "degraded" ? 1 : 0);
        }

        (await instance.Leave()).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await heard.Next(null, message => message.InstanceId == instance.Id)).Message.To.ShouldBe("stopped");
        (await registry.PathOf(instance.Id)).ShouldBe(["starting", "healthy", "degraded", "unhealthy", "healthy", "stopped"]);
        (await registry.Routes(instance.Service)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_wrong_secret_no_secret_and_an_unknown_service_are_refused_alike()
    {
        await using var instance = await StubInstance.Start(registry);
        await instance.Announce(instance.Report(), secret: "wrong").ShouldBeProblem(HttpStatusCode.Unauthorized, "unknown-client");
        await instance.Announce(instance.Report(), secret: "").ShouldBeProblem(HttpStatusCode.Unauthorized, "unknown-client");
        await instance.Announce(instance.Report(), caller: "nobody", secret: "").ShouldBeProblem(HttpStatusCode.Unauthorized, "unknown-client");
        using var withToken = registry.Client(Guid.NewGuid());
        await withToken.PutAsJsonAsync($"/registry/services/{instance.Service}/instances/{instance.Id}", instance.Report())
            .ShouldBeProblem(HttpStatusCode.Unauthorized, "unknown-client");
        (await registry.Instances(instance.Service)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Nobody_registers_under_anothers_name_or_touches_anothers_instance()
    {
        await using var instance = await StubInstance.Start(registry);
        await using var sibling = await StubInstance.Start(registry, instance.Service);
        await using var other = await StubInstance.Start(registry);
        await instance.Announced();

        await instance.Announce(instance.Report(), caller: other.Service).ShouldBeProblem(HttpStatusCode.Forbidden, "not-your-name");
        await instance.Leave(caller: other.Service).ShouldBeProblem(HttpStatusCode.Forbidden, "not-your-name");

        // The same service's other instance knows the secret, but not the instance's own key.
        var forged = sibling.Report();
        await instance.Announce(forged).ShouldBeProblem(HttpStatusCode.Forbidden, "not-your-instance");
        await instance.Leave(sibling.Key).ShouldBeProblem(HttpStatusCode.Forbidden, "not-your-instance");
        // Nor does it renew a lease by saying all that the instance itself said last.
        var copied = instance.Report();
        copied["key"] = sibling.Key;
        await instance.Announce(copied).ShouldBeProblem(HttpStatusCode.Forbidden, "not-your-instance");

        // Another service takes the id under its own name.
        using var client = registry.AsService(other.Service);
        await client.PutAsJsonAsync($"/registry/services/{other.Service}/instances/{instance.Id}", other.Report()).ShouldBeProblem(HttpStatusCode.Forbidden, "not-your-instance");
        // Not even with its key.
        await client.PutAsJsonAsync($"/registry/services/{other.Service}/instances/{instance.Id}", instance.Report()).ShouldBeProblem(HttpStatusCode.Forbidden, "not-your-instance");
        (await registry.Routes(instance.Service)).ShouldBe([instance.Address]);
    }

    [Fact]
    public async Task A_service_has_at_most_a_hundred_live_instances()
    {
        await using var first = await StubInstance.Start(registry);
        await using var last = await StubInstance.Start(registry, first.Service);
        await using var refused = await StubInstance.Start(registry, first.Service);
        await first.Announced("starting");
        await using (var connection = await registry.OpenAs("app"))
        {
            // Their leases outlast the test.
            await using var crowd = new NpgsqlCommand(
                """
                INSERT INTO instances SELECT (jsonb_populate_record(
                  i, jsonb_build_object('id', gen_random_uuid(), 'address', 'http://crowd-' || n, 'last_heartbeat_at', now() + interval '10 minutes'))).*
                FROM instances i, generate_series(1, 98) n WHERE i.id = $1
                """,
                connection)
            { Parameters = { new() { Value = first.Id } } };
            (await crowd.ExecuteNonQueryAsync()).ShouldBe(98);
        }

        await last.Announced("starting");
        await first.Announced("unhealthy");
        await refused.Announce("starting").ShouldBeProblem(HttpStatusCode.Conflict, "too-many-instances");
        (await first.Leave()).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await refused.Announced("starting");
        await using var another = await StubInstance.Start(registry);
        await another.Announced("starting");
    }

    [Theory]
    [InlineData("ftp://10.0.0.7")]
    [InlineData("file:///etc/passwd")]
    [InlineData("javascript:alert(1)")]
    [InlineData("10.0.0.7:8080")]
    [InlineData("//10.0.0.7:8080")]
    [InlineData("http://user@10.0.0.7")]
    [InlineData("http://user:password@10.0.0.7")]
    [InlineData("http://10.0.0.7/admin")]
    [InlineData("http://10.0.0.7?x=1")]
    [InlineData("http://10.0.0.7#x")]
    [InlineData("http://10.0.0.7\\@evil")]
    [InlineData("http://10.0.0.7 ")]
    [InlineData("http://+:8080")]
    [InlineData("http://*:8080")]
    [InlineData("http://0.0.0.0:8080")]
    [InlineData("http://[::]:8080")]
    [InlineData("http://169.254.169.254")]
    [InlineData("http://0xA9FEA9FE")]
    [InlineData("http://2852039166")]
    [InlineData("http://[::ffff:169.254.169.254]")]
    [InlineData("http://[fe80::1]")]
    [InlineData("http://[fd00:ec2::254]")]
    [InlineData("http://100.100.100.200")]
    [InlineData("http://224.0.0.1")]
    [InlineData("http://255.255.255.255")]
    [InlineData("http://10.0.0.7:0")]
    public async Task An_address_that_is_no_instances_own_is_refused(string address)
    {
        await using var instance = await StubInstance.Start(registry, "service-59");
        var report = instance.Report();
        report["address"] = address;
        await instance.Announce(report).ShouldBeProblem(HttpStatusCode.UnprocessableEntity, "address-refused");
        (await registry.Instances(instance.Service)).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("key", "short")]
    [InlineData("key", null)]
    [InlineData("version", "")]
    [InlineData("processId", 0)]
    [InlineData("uptimeSeconds", -1)]
    [InlineData("uptimeSeconds", 1e300)]
    [InlineData("status", "lost")]
    [InlineData("status", "stopped")]
    [InlineData("status", "splendid")]
    [InlineData("checks", null)]
    [InlineData("surprise", 1)]
    public async Task A_report_that_does_not_fit_is_refused(string member, object? value)
    {
        await using var instance = await StubInstance.Start(registry, "service-58");
        var report = instance.Report();
        report[member] = value;
        using var answer = await instance.Announce(report);
        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest, await answer.Content.ReadAsStringAsync());
        (await registry.Instances(instance.Service)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Registered_many_times_at_once_an_instance_is_there_once()
    {
        await using var instance = await StubInstance.Start(registry);
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => instance.Announced()));
        answers.ShouldAllBe(state => state == "healthy");
        (await registry.Instances(instance.Service)).Length.ShouldBe(1);
        (await registry.PathOf(instance.Id)).ShouldBe(["healthy"]);
    }

    [Fact]
    public async Task A_goodbye_is_final_said_twice_it_is_one_and_an_unknown_instance_cannot_say_it()
    {
        await using var instance = await StubInstance.Start(registry);
        await instance.Leave().ShouldBeProblem(HttpStatusCode.NotFound, "not-found");
        await instance.Announced();
        var goodbyes = await Task.WhenAll(instance.Leave(), instance.Leave());
        goodbyes.ShouldAllBe(answer => answer.StatusCode == HttpStatusCode.NoContent);
        // A heartbeat that was overtaken by the goodbye.
        await instance.Announce().ShouldBeProblem(HttpStatusCode.Conflict, "instance-stopped");
        (await registry.PathOf(instance.Id)).ShouldBe(["healthy", "stopped"]);
    }

    [Fact]
    public async Task What_answers_at_an_address_is_the_latest_instance_and_the_one_before_is_lost_at_once()
    {
        await using var first = await StubInstance.Start(registry);
        await first.Announced();
        await using var stranger = await StubInstance.Start(registry);
        await using var second = await StubInstance.Start(registry, first.Service);
        var sameAddress = second.Report();
        sameAddress["address"] = first.Address;
        var strangers = stranger.Report();
        strangers["address"] = first.Address;

        await stranger.Announce(strangers).ShouldBeProblem(HttpStatusCode.Conflict, "address-taken");
        (await second.Announce(sameAddress)).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await registry.StateOf(first.Service, first.Id)).ShouldBe("lost");
        (await registry.Routes(first.Service)).ShouldBe([first.Address]);
        // Two processes that claim one address do not take it from each other for ever.
        await first.Announce().ShouldBeProblem(HttpStatusCode.Conflict, "address-taken");
        (await registry.StateOf(first.Service, second.Id)).ShouldBe("healthy");
    }

    [Fact]
    public async Task An_unchanged_heartbeat_is_one_update_and_nothing_else()
    {
        const int heartbeats = 50;
        await using var instance = await StubInstance.Start(registry);
        await instance.Announced();
        var before = await Row(instance.Id);
        for (var i = 0; i < heartbeats; i++)
        {
            await instance.Announced();
        }

        var after = await Row(instance.Id);
        after.Heartbeat.ShouldBeGreaterThan(before.Heartbeat);
        (await registry.PathOf(instance.Id)).ShouldBe(["healthy"]);
        await using var connection = await registry.OpenAs("owner");
        await using var captured = new NpgsqlCommand("SELECT (SELECT count(*) FROM sync_events)", connection);
        (await captured.ExecuteScalarAsync()).ShouldBe(0L);
    }

    private async Task<(DateTimeOffset Heartbeat, string Reason)> Row(Guid id)
    {
        await using var connection = await registry.OpenAs("app");
        await using var select = new NpgsqlCommand("SELECT last_heartbeat_at, reason FROM instances WHERE id = $1", connection) { Parameters = { new() { Value = id } } };
        await using var row = await select.ExecuteReaderAsync();
        await row.ReadAsync();
        return (row.GetFieldValue<DateTimeOffset>(0), row.GetString(1));
    }
}
