using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Json;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;

namespace OpsPlatform.System.Tests;

/// <summary>Two of every process take the whole machine: beside it no other test keeps its times.</summary>
[CollectionDefinition(nameof(RollingTests), DisableParallelization = true)]
public sealed class RollingCollection;

/// <summary>Every service is replaced one replica after the other while callers who never try again go on calling.</summary>
[Collection(nameof(RollingTests))]
public sealed class RollingTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(8);
    private static readonly TimeSpan AllTold = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task No_request_fails_while_each_service_is_replaced_replica_by_replica()
    {
        using var timeout = new CancellationTokenSource(Timeout);
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<AppHostMarker>(["UseVolumes=false"], timeout.Token);
        foreach (var project in builder.Resources.OfType<ProjectResource>().ToList())
        {
            builder.CreateResourceBuilder(project).WithReplicas(2);
        }

        await using var app = await builder.BuildAsync(timeout.Token);
        await app.StartAsync(timeout.Token);
        await AllHealthy(app, timeout.Token);
        using var organisation = await Organisation.Register(app.GetEndpoint("gateway", "http"), "Rolling");
        using var callers = await Callers.Start(organisation);
        foreach (var service in Repository.Clients)
        {
            callers.Phase = service;
            var before = callers.Sent;
            var watch = Stopwatch.StartNew();
            foreach (var replica in (string[])[$"{service}-0", $"{service}-1"])
            {
                await app.ResourceCommands.ExecuteCommandAsync(replica, KnownResourceCommands.StopCommand, timeout.Token);
                await app.ResourceCommands.ExecuteCommandAsync(replica, KnownResourceCommands.StartCommand, timeout.Token);
                await app.ResourceNotifications.WaitForResourceHealthyAsync(replica, timeout.Token);
            }

            output.WriteLine($"{service}: {callers.Failures.Count(failure => failure.Phase == service)} of {callers.Sent - before} requests failed in {watch.Elapsed.TotalSeconds:0} s");
        }

        callers.Phase = "afterwards";
        await callers.Stop();
        foreach (var group in callers.Failures.GroupBy(failure => failure))
        {
            output.WriteLine($"{group.Key.Phase}: {group.Count()} x {group.Key.What}");
        }

        callers.Failures.ShouldBeEmpty();
        await Eventually.Is(async () => (await organisation.Get("/orders/summary")).GetProperty("confirmed").GetInt64(), confirmed => confirmed == callers.Orders, AllTold);
        await callers.StreamHadEverything(organisation);
        await app.StopAsync(CancellationToken.None);
    }

    private static async Task AllHealthy(DistributedApplication app, CancellationToken cancel)
    {
        foreach (var service in Repository.Clients)
        {
            for (var replica = 0; replica < 2; replica++)
            {
                await app.ResourceNotifications.WaitForResourceHealthyAsync($"{service}-{replica}", cancel);
            }
        }
    }

    /// <summary>Calls every service over and over, each request once; and one reader of the feed, who reconnects as a browser does.</summary>
    private sealed class Callers : IDisposable
    {
        private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(150);
        private readonly CancellationTokenSource _stop = new();
        private readonly Organisation _organisation;
        private readonly List<long> _seen = [];
        private readonly List<Task> _running = [];
        private volatile bool _stopCalling;
        private int _orders;
        private int _sent;
        private long _last;

        private Callers(Organisation organisation) => _organisation = organisation;

        public volatile string Phase = "before";

        public ConcurrentBag<(string Phase, string What)> Failures { get; } = [];

        public int Orders => Volatile.Read(ref _orders);

        public int Sent => Volatile.Read(ref _sent);

        public static async Task<Callers> Start(Organisation organisation)
        {
            var flour = (await organisation.Post("/ingredients", Shop.Ingredient("flour", 100_000_000))).GetProperty("id").GetGuid();
            var item = await Shop.MenuItem(organisation, "roll", (flour, 1m));
            var callers = new Callers(organisation);
            for (var worker = 0; worker < 2; worker++)
            {
                callers.Loop(HttpMethod.Post, () => "/orders", () => new { confirm = true, lines = new[] { new { menuItemId = item, quantity = 1 } } });
            }

            var code = 0;
            callers.Loop(HttpMethod.Post, () => "/ingredients", () => Shop.Ingredient($"i{Interlocked.Increment(ref code)}", 1));
            callers.Loop(HttpMethod.Post, () => "/sync/tickets");
            callers.Loop(HttpMethod.Post, () => "/identity/invitations", () => new { email = $"{Guid.NewGuid():N}@example.org", role = "viewer" });
            foreach (var path in (string[])["/orders?limit=20", "/ingredients?limit=20", "/identity/me", "/sync/feed?after=0&limit=20", "/registry/changes/stats", "/operations?limit=20", "/analytics/changes/stats"])
            {
                callers.Loop(HttpMethod.Get, () => path);
            }

            callers.Loop(HttpMethod.Get, () => $"/sync/feed?wait=2&after={Volatile.Read(ref callers._last)}");

            callers._running.Add(callers.Follow());
            return callers;
        }

        public void Dispose() => _stop.Dispose();

        public async Task Stop()
        {
            _stopCalling = true;
            await Task.WhenAll(_running.Take(_running.Count - 1));
        }

        public async Task StreamHadEverything(Organisation organisation)
        {
            var head = await Eventually.Is(
                async () => (await organisation.Get("/sync/stats")).GetProperty("head").GetInt64(), head => _seen.Count > 0 && _seen[^1] >= head);
            await _stop.CancelAsync();
            await _running[^1];
            _seen.ShouldBe(Enumerable.Range(1, _seen.Count).Select(position => (long)position), "the reader saw each position once and in order");
            _seen.Count.ShouldBeGreaterThanOrEqualTo((int)head);
        }

        private void Loop(HttpMethod method, Func<string> path, Func<object>? body = null) => _running.Add(Task.Run(async () =>
        {
            while (!_stopCalling)
            {
                await Send(method, path(), body?.Invoke());
                await Task.Delay(Pause);
            }
        }));

        private async Task Send(HttpMethod method, string path, object? body)
        {
            var phase = Phase;
            var watch = Stopwatch.StartNew();
            try
            {
                using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
                using var response = await _organisation.Client.SendAsync(request);
                Interlocked.Increment(ref _sent);
                if (response.IsSuccessStatusCode)
                {
                    Interlocked.Add(ref _orders, path == "/orders" ? 1 : 0);
                    return;
                }

                Failures.Add((phase, $"{method} {path}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}"));
            }
            catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException)
            {
                Interlocked.Increment(ref _sent);
                Failures.Add((phase, $"{method} {path}: {exception.Message} {exception.InnerException?.Message} after {watch.ElapsedMilliseconds} ms"));
            }
        }

        private async Task Follow()
        {
            while (!_stop.IsCancellationRequested)
            {
                try
                {
                    using var request = new HttpRequestMessage(HttpMethod.Get, $"/sync/feed?stream=1&after={_last}");
                    using var response = await _organisation.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, _stop.Token);
                    if (!response.IsSuccessStatusCode)
                    {
                        Failures.Add((Phase, $"stream: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}"));
                        continue;
                    }

                    using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(_stop.Token));
                    var isChange = false;
                    while (await reader.ReadLineAsync(_stop.Token) is { } line)
                    {
                        isChange = line.StartsWith("event: ", StringComparison.Ordinal) ? line == "event: change" : isChange;
                        if (isChange && line.StartsWith("id: ", StringComparison.Ordinal))
                        {
                            _seen.Add(long.Parse(line[4..]));
                            Volatile.Write(ref _last, _seen[^1]);
                        }
                    }
                }
                catch (OperationCanceledException) when (_stop.IsCancellationRequested)
                {
                    return;
                }
                catch (Exception exception) when (exception is HttpRequestException or IOException)
                {
                    // A stream that ends by breaking is a failure too: it ends whole when a service stops.
                    Failures.Add((Phase, $"stream: {exception.Message} {exception.InnerException?.Message}"));
                }
            }
        }
    }
}
