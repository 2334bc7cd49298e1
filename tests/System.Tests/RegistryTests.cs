using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace OpsPlatform.System.Tests;

/// <summary>The system with two instances of Orders.</summary>
public sealed class SystemWithTwoOrders : RunningSystem
{
    protected override void Configure(IDistributedApplicationTestingBuilder builder) =>
        builder.CreateResourceBuilder(builder.Resources.OfType<ProjectResource>().Single(project => project.Name == "orders")).WithReplicas(2);
}

/// <summary>Instances come and go under requests, as real processes; the figures are printed.</summary>
public sealed class RegistryTests(SystemWithTwoOrders system, ITestOutputHelper output) : IClassFixture<SystemWithTwoOrders>, IDisposable
{
    private const int Sigkill = 9;
    private const int Sigcont = 18;
    private const int Sigstop = 19;

    /// <summary>After so long a silence the gateway gives up; a request that took it had been sent to somebody who hangs.</summary>
    private const double SilenceMs = 40_000;

    /// <summary>So long an instance is believed without a heartbeat, and so often that is looked at.</summary>
    private const double LeaseMs = 15_000;
    private const double SweepMs = LeaseMs / 8;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static readonly string[] Replicated = ["orders", "inventory", "sync", "gateway"];

    private readonly HttpClient platform = system.Operator();

    [Fact]
    public async Task Every_service_registers_by_itself_and_the_operator_sees_it()
    {
        foreach (var service in Repository.Clients)
        {
            var instances = await Eventually.Is(() => Live(service), found => found.Length == (Replicated.Contains(service) ? 2 : 1), Patience);
            instances.ShouldAllBe(instance => Text(instance, "state") == "healthy" || Text(instance, "state") == "degraded");
            instances.ShouldAllBe(instance => instance.GetProperty("address").GetString()!.StartsWith("http://localhost:"));
        }
    }

    [Fact]
    public async Task A_killed_instance_costs_only_what_it_had_in_hand_and_comes_back_by_itself()
    {
        using var organisation = await system.Register("Kill an instance");
        var before = await BothOrders();
        using var load = new Load(organisation);
        await load.Answered(50);

        var killedAt = load.Now;
        system.Signal("orders-0", Sigkill);
        var back = await Eventually.Is(
            () => BothOrders(), now => now.All(x => Text(x, "state") == "healthy") && now.Count(x => before.All(y => Id(y) != Id(x))) == 1, Patience);
        await load.Answered(50);
        var answers = await load.Stop();

        // What was under way at the killed instance breaks off; whoever comes later is served by the other one.
        var failed = answers.Where(answer => answer.Status != HttpStatusCode.OK).ToArray();
        output.WriteLine($"{answers.Count} requests, {failed.Length} failed: {string.Join(", ", failed.Take(10).Select(x => $"{x.Status} {x.At - killedAt:0} ms after the kill: {x.Problem}"))}");
        failed.Length.ShouldBeLessThanOrEqualTo(Load.Clients);
        failed.ShouldAllBe(answer => answer.At - killedAt < 2000);
        answers.ShouldAllBe(answer => answer.TookMs < SilenceMs);
        var reborn = back.Single(x => before.All(y => Id(y) != Id(x)));
        var (registeredMs, healthyMs) = (load.Since(killedAt, reborn, "registeredAt"), load.Since(killedAt, reborn, "since"));
        output.WriteLine($"Killed; the new process was registered after {registeredMs:0} ms and healthy after {healthyMs:0} ms");
        var killed = before.Select(Id).Except(back.Select(Id)).ShouldHaveSingleItem();
        var lost = (await All("orders")).Single(x => Id(x) == killed);
        Text(lost, "state").ShouldBe("lost");
        load.Since(killedAt, lost, "since").ShouldBeLessThan(LeaseMs + SweepMs);

        // That the new one is in use shows when the other one leaves.
        using var alone = new Load(organisation);
        await Command("orders-1", KnownResourceCommands.StopCommand);
        await alone.Answered(50);
        (await alone.Stop()).ShouldAllBe(answer => answer.Status == HttpStatusCode.OK);
        await Command("orders-1", KnownResourceCommands.StartCommand);
        await BothOrders();
    }

    [Fact]
    public async Task An_instance_that_hangs_is_lost_when_its_lease_is_over_and_back_when_it_goes_on()
    {
        using var organisation = await system.Register("Hang an instance");
        await BothOrders();
        using var load = new Load(organisation);
        await load.Answered(50);

        var hangsAt = load.Now;
        var listed = (await Live("orders")).Select(Id).ToArray();
        system.Signal("orders-0", Sigstop);
        try
        {
            var lost = (await Eventually.Is(async () => (await All("orders")).Where(x => listed.Contains(Id(x)) && Text(x, "state") == "lost").ToArray(), found => found.Length == 1, Patience))[0];
            var lostAfterMs = load.Since(hangsAt, lost, "since");
            output.WriteLine($"Lost {lostAfterMs:0} ms after it hung; {load.Pending} of {Load.Clients} callers wait for it");
            lostAfterMs.ShouldBeInRange(9_000, 22_000);

            // A second later nobody new is sent there.
            var lostAtMs = load.Now;
            await Eventually.Is(() => Task.FromResult(load.Now > lostAtMs + 1000));
            using var fresh = new Load(organisation);
            await fresh.Answered(100);
            (await fresh.Stop()).ShouldAllBe(answer => answer.Status == HttpStatusCode.OK && answer.TookMs < SilenceMs);
        }
        finally
        {
            system.Signal("orders-0", Sigcont);
        }

        await Eventually.Is(() => BothOrders(), found => found.All(x => Text(x, "state") == "healthy"), Patience);
        var answers = await load.Stop();
        output.WriteLine($"{answers.Count} requests, {answers.Count(x => x.TookMs > 5000)} of them waited more than 5 s, {answers.Count(x => x.Status != HttpStatusCode.OK)} failed");
    }

    [Fact]
    public async Task With_the_registry_killed_requests_go_on_and_nobody_is_lost_for_it()
    {
        var begun = DateTimeOffset.UtcNow;
        using var organisation = await system.Register("Kill the registry");
        var before = await BothOrders();
        using var load = new Load(organisation);
        await load.Answered(50);
        await system.Kill("registry");
        await load.Answered(100);
        (await load.Stop()).ShouldAllBe(answer => answer.Status == HttpStatusCode.OK);

        // Heartbeats reach the new registry: each instance has been heard since.
        var since = DateTimeOffset.UtcNow;
        var after = await Eventually.Is(() => BothOrders(), found => found.All(x => x.GetProperty("lastHeartbeatAt").GetDateTimeOffset() > since), Patience);
        after.Select(Id).ShouldBe(before.Select(Id), ignoreOrder: true);
        foreach (var instance in after)
        {
            var history = await platform.GetFromJsonAsync<JsonElement>($"/registry/history?instanceId={Id(instance)}&from={Uri.EscapeDataString(begun.ToString("O"))}");
            history.GetProperty("items").EnumerateArray().ShouldNotContain(change => change.GetProperty("reason").GetString()!.Contains("No heartbeat"));
        }
    }

    public void Dispose() => platform.Dispose();

    private async Task Command(string id, string command) =>
        (await system.App.Services.GetRequiredService<ResourceCommandService>().ExecuteCommandAsync(id, command)).Success.ShouldBeTrue();

    /// <summary>Waits until both take requests.</summary>
    private async Task<JsonElement[]> BothOrders() =>
        await Eventually.Is(() => Live("orders"), found => found.Length == 2, Patience);

    private async Task<JsonElement[]> Live(string service) =>
        [.. (await All(service)).Where(x => Text(x, "state") is "healthy" or "degraded")];

    private async Task<JsonElement[]> All(string service)
    {
        try
        {
            return [.. (await platform.GetFromJsonAsync<JsonElement>($"/registry/services/{service}/instances")).GetProperty("items").EnumerateArray()];
        }
        catch (HttpRequestException)
        {
            // The registry itself may be the one that was killed.
            return [];
        }
    }

    private static string Text(JsonElement instance, string member) => instance.GetProperty(member).GetString()!;

    private static Guid Id(JsonElement instance) => instance.GetProperty("id").GetGuid();

    private sealed record Answer(double At, double TookMs, HttpStatusCode Status, string? Problem);

    /// <summary>A few callers who ask Orders again and again.</summary>
    private sealed class Load : IDisposable
    {
        public const int Clients = 4;
        private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

        private readonly ConcurrentQueue<Answer> answers = new();
        private readonly CancellationTokenSource stop = new();
        private readonly Stopwatch watch = Stopwatch.StartNew();
        private readonly DateTimeOffset startedAt = DateTimeOffset.UtcNow;
        private readonly Task[] callers;
        private readonly long[] waitingSince = new long[Clients];

        public Load(Organisation organisation) =>
            callers = [.. Enumerable.Range(0, Clients).Select(number => Task.Run(() => Ask(organisation, number)))];

        public double Now => watch.Elapsed.TotalMilliseconds;

        /// <summary>Callers who have waited for more than two seconds.</summary>
        public int Pending => waitingSince.Count(since => since > 0 && Stopwatch.GetElapsedTime(since) > TimeSpan.FromSeconds(2));

        /// <returns>Milliseconds from then until a time the registry tells; both clocks are this machine's.</returns>
        public double Since(double then, JsonElement instance, string member) =>
            (instance.GetProperty(member).GetDateTimeOffset() - startedAt).TotalMilliseconds - then;

        public Task Answered(int more)
        {
            var enough = answers.Count + more;
            return Eventually.Is(() => Task.FromResult(answers.Count >= enough), Patience);
        }

        public async Task<IReadOnlyCollection<Answer>> Stop()
        {
            await stop.CancelAsync();
            await Task.WhenAll(callers);
            return answers;
        }

        public void Dispose() => stop.Dispose();

        private async Task Ask(Organisation organisation, int number)
        {
            while (!stop.IsCancellationRequested)
            {
                var since = Now;
                waitingSince[number] = Stopwatch.GetTimestamp();
                using var answer = await organisation.Client.GetAsync("/orders/summary");
                var problem = answer.IsSuccessStatusCode ? null : await answer.Content.ReadAsStringAsync();
                waitingSince[number] = 0;
                answers.Enqueue(new(since, Now - since, answer.StatusCode, problem));
                await Task.Delay(Pause);
            }
        }
    }
}
