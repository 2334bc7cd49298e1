using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace OpsPlatform.Registry.Tests;

public sealed class ReadTests(RegistryFixture registry)
{
    [Theory]
    [InlineData("/registry/services", "admin", "owner")]
    [InlineData("/registry/services/gateway/instances")]
    [InlineData("/registry/history")]
    public async Task Admins_see_which_services_there_are_and_the_operator_alone_where_they_run(string path, params string[] admitted)
    {
        foreach (var role in new[] { "viewer", "staff", "admin", "owner" })
        {
            using var member = registry.Client(Guid.NewGuid(), role);
            if (admitted.Contains(role))
            {
                (await member.GetAsync(path)).StatusCode.ShouldBe(HttpStatusCode.OK);
            }
            else
            {
                await member.GetAsync(path).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden");
            }
        }

        using var platform = registry.Operator();
        (await platform.GetAsync(path)).StatusCode.ShouldBe(HttpStatusCode.OK);
        using var anonymous = registry.Anonymous();
        await anonymous.GetAsync(path).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthenticated");
        using var service = registry.AsService("gateway");
        await service.GetAsync(path).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthenticated");
    }

    [Fact]
    public async Task The_routes_are_the_gateways_alone()
    {
        using var other = registry.AsService(RegistryFixture.NewName());
        await other.GetAsync("/registry/routes").ShouldBeProblem(HttpStatusCode.Forbidden, "not-your-name");
        using var forged = registry.AsService("gateway", "wrong");
        await forged.GetAsync("/registry/routes").ShouldBeProblem(HttpStatusCode.Unauthorized, "unknown-client");
        using var owner = registry.Client(Guid.NewGuid());
        await owner.GetAsync("/registry/routes").ShouldBeProblem(HttpStatusCode.Unauthorized, "unknown-client");
    }

    [Fact]
    public async Task Every_known_service_is_listed_with_the_state_of_its_best_instance()
    {
        await using var well = await StubInstance.Start(registry);
        await using var ill = await StubInstance.Start(registry, well.Service);
        await using var gone = await StubInstance.Start(registry, well.Service);
        var never = RegistryFixture.NewName();
        await well.Announced("degraded");
        await ill.Announced("unhealthy");
        await gone.Announced();
        (await gone.Leave()).Dispose();

        var services = await AllPages("/registry/services?limit=7");
        services.Select(x => x.GetProperty("name").GetString()).ShouldBeInOrder();
        var service = services.Single(x => x.GetProperty("name").GetString() == well.Service);
        service.GetProperty("state").GetString().ShouldBe("degraded");
        service.GetProperty("liveInstances").GetInt32().ShouldBe(2);
        service.GetProperty("routableInstances").GetInt32().ShouldBe(1);
        service.GetProperty("versions").EnumerateArray().Select(x => x.GetString()).ShouldBe(["1.2.3+abc"]);
        services.Single(x => x.GetProperty("name").GetString() == never).GetProperty("state").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    [Fact]
    public async Task Instances_are_paged_filtered_by_state_and_an_unknown_service_is_404()
    {
        await using var first = await StubInstance.Start(registry);
        await using var second = await StubInstance.Start(registry, first.Service);
        await using var third = await StubInstance.Start(registry, first.Service);
        await first.Announced();
        await second.Announced("degraded");
        await third.Announced();
        var path = $"/registry/services/{first.Service}/instances";
        (await AllPages($"{path}?limit=1")).Select(x => x.GetProperty("id").GetGuid()).ShouldBe([third.Id, second.Id, first.Id]);
        var degraded = (await AllPages($"{path}?state=degraded")).ShouldHaveSingleItem();
        degraded.GetProperty("id").GetGuid().ShouldBe(second.Id);
        degraded.GetProperty("reason").GetString().ShouldBe("database: The database is away");

        using var platform = registry.Operator();
        await platform.GetAsync("/registry/services/nobody/instances").ShouldBeProblem(HttpStatusCode.NotFound, "not-found");
        (await platform.GetAsync($"{path}?state=splendid")).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await platform.GetAsync($"{path}?cursor=x")).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task The_history_is_paged_the_latest_first_and_cut_out_by_service_and_time()
    {
        await using var instance = await StubInstance.Start(registry);
        await using var other = await StubInstance.Start(registry, instance.Service);
        string[] states = ["starting", "healthy", "degraded", "healthy"];
        foreach (var state in states)
        {
            await instance.Announced(state);
        }

        await other.Announced();
        var all = await AllPages($"/registry/history?service={instance.Service}&limit=2");
        all.Select(x => x.GetProperty("to").GetString()).ShouldBe(["healthy", .. states.Reverse()]);
        all.Last().GetProperty("from").ValueKind.ShouldBe(JsonValueKind.Null);
        all[2].GetProperty("from").GetString().ShouldBe("healthy");
        all[2].GetProperty("reason").GetString().ShouldBe("database: The database is away");
        all[2].GetProperty("version").GetString().ShouldBe("1.2.3+abc");

        var (from, to) = (Time(all[3]), Time(all[1]));
        (await AllPages($"/registry/history?service={instance.Service}&from={from}&to={to}")).Select(x => x.GetProperty("to").GetString()).ShouldBe(["degraded", "healthy"]);
        (await AllPages($"/registry/history?service={instance.Service}&instanceId={other.Id}")).Length.ShouldBe(1);
        using var platform = registry.Operator();
        (await platform.GetAsync("/registry/history?from=yesterday")).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await platform.GetAsync("/registry/history?limit=201")).StatusCode.ShouldBe(HttpStatusCode.BadRequest);

        static string Time(JsonElement change) => Uri.EscapeDataString(change.GetProperty("changedAt").GetString()!);
    }

    private async Task<JsonElement[]> AllPages(string path)
    {
        using var platform = registry.Operator();
        List<JsonElement> items = [];
        for (string? cursor = null; ;)
        {
            var page = await platform.GetFromJsonAsync<JsonElement>(cursor is null ? path : $"{path}{(path.Contains('?') ? '&' : '?')}cursor={cursor}");
            items.AddRange(page.GetProperty("items").EnumerateArray());
            cursor = page.GetProperty("nextCursor").GetString();
            if (cursor is null)
            {
                return [.. items];
            }
        }
    }
}
