using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Telemetry;

namespace OpsPlatform.ServiceDefaults.Registry;

/// <summary>
/// Registers this process once it listens, renews its lease with every heartbeat, and deregisters before the last requests
/// are finished, so that the gateway sends no more. A registry that is away is asked again, quietly.
/// </summary>
internal sealed partial class Registration(
    RegistryClient registry, IServer server, HealthCheckService health, IHostApplicationLifetime lifetime, IHostEnvironment environment,
    IConfiguration configuration, TimeProvider time, ILogger<Registration> log) : BackgroundService, IHostedLifecycleService
{
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan GoodbyeTimeout = TimeSpan.FromSeconds(3);

    /// <summary>How often a process that is not ready yet looks at itself; the registry hears of it when that changes.</summary>
    private static readonly TimeSpan StartingInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>A start that takes longer has failed.</summary>
    private static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan FirstBackoff = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromSeconds(5);

    private readonly Guid _id = Guid.CreateVersion7();
    private readonly string _key = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
    private readonly string _version = Instance.VersionOf(environment);
    private readonly long _startedAt = time.GetTimestamp();
    private readonly CancellationTokenSource _leaving = new();
    private readonly Lock _stopping = new();
    private Task? _left;
    private Task _announcing = Task.CompletedTask;
    private bool _wasReady;
    private bool _known;
    private string? _logged;

    private string Path => $"/registry/services/{registry.Service}/instances/{_id}";

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>
    /// Runs before the server stops listening: the drain after it gives gateways the time to hear the goodbye. Once: a host may be
    /// stopped from two sides, and disposed of from one while it still stops at the other.
    /// </summary>
    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        lock (_stopping)
        {
            return _left ??= Leave(cancellationToken);
        }
    }

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override void Dispose()
    {
        _leaving.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!registry.IsConfigured)
        {
            return;
        }

        var listening = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (lifetime.ApplicationStarted.Register(listening.SetResult))
        await using (stoppingToken.Register(() => listening.TrySetCanceled(stoppingToken)))
        {
            await listening.Task;
        }

        var bound = InstanceAddress.Bound(server.Features.Get<IServerAddressesFeature>()?.Addresses ?? []);
        if ((Instance.AdvertisedUrl(configuration) ?? bound) is not { } address)
        {
            NoAddress();
            return;
        }

        registry.UseOwn(bound ?? address);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, _leaving.Token);
        await (_announcing = KeepAnnouncing(Instance.Text(address), end.Token));
    }

    private async Task Leave(CancellationToken cancellationToken)
    {
        await _leaving.CancelAsync();
        await _announcing;
        if (_known)
        {
            await SayGoodbye(cancellationToken);
        }
    }

    private async Task KeepAnnouncing(string address, CancellationToken cancel)
    {
        var backoff = FirstBackoff;
        try
        {
            while (true)
            {
                var report = await Report(address, cancel);
                if (await Announced(report, cancel) is { } lease)
                {
                    backoff = FirstBackoff;
                    await WaitForHeartbeat(report.Status, TimeSpan.FromMilliseconds(lease.HeartbeatMs), cancel);
                }
                else
                {
                    // Many instances lose the registry at the same moment; they need not come back at the same one.
                    await Task.Delay(backoff * (0.8 + (0.4 * Random.Shared.NextDouble())), time, cancel);
                    backoff = backoff * 2 < LongestBackoff ? backoff * 2 : LongestBackoff;
                }
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The process stops.
        }
    }

    private async Task WaitForHeartbeat(InstanceState reported, TimeSpan heartbeat, CancellationToken cancel)
    {
        var since = time.GetTimestamp();
        while (reported is InstanceState.Starting && time.GetElapsedTime(since) + StartingInterval < heartbeat)
        {
            await Task.Delay(StartingInterval, time, cancel);
            if (StateOf((await health.CheckHealthAsync(cancel)).Status) is not InstanceState.Starting)
            {
                return;
            }
        }

        var rest = heartbeat - time.GetElapsedTime(since);
        await Task.Delay(rest > TimeSpan.Zero ? rest : TimeSpan.Zero, time, cancel);
    }

    private async Task<AnnounceRequest> Report(string address, CancellationToken cancel)
    {
        var report = await health.CheckHealthAsync(cancel);
        return new(
            _key, address, _version, Dns.GetHostName(), Environment.ProcessId, time.GetElapsedTime(_startedAt).TotalSeconds, StateOf(report.Status),
            [.. report.Entries.Take(AnnounceRequest.MaxChecks).Select(entry => new CheckReport(
                Instance.Cut(entry.Key, CheckReport.MaxNameChars)!,
                Plain(entry.Value.Status),
                Instance.Cut(HealthSetup.Sentence(entry.Value), CheckReport.MaxDescriptionChars)))]);
    }

    private InstanceState StateOf(HealthStatus status)
    {
        _wasReady |= status is not HealthStatus.Unhealthy;
        return status is HealthStatus.Unhealthy && !_wasReady && time.GetElapsedTime(_startedAt) < LongestStart ? InstanceState.Starting : Plain(status);
    }

    private static InstanceState Plain(HealthStatus status) => status switch
    {
        HealthStatus.Healthy => InstanceState.Healthy,
        HealthStatus.Degraded => InstanceState.Degraded,
        _ => InstanceState.Unhealthy,
    };

    /// <returns>Null when the registry is away or refuses; it says so once, not at every try.</returns>
    private async Task<LeaseResponse?> Announced(AnnounceRequest report, CancellationToken cancel)
    {
        // One that is under way when the process stops is waited for: the registry must not hear of this instance after its goodbye.
        using var patience = new CancellationTokenSource();
        await using var stopping = cancel.UnsafeRegister(_ => patience.CancelAfter(GoodbyeTimeout), null);
        try
        {
            using var body = JsonContent.Create(report, options: Json.Options);
            cancel.ThrowIfCancellationRequested();
            _known = true;
            using var answer = await registry.Send(HttpMethod.Put, Path, body, AnswerTimeout, patience.Token);
            if (answer.IsSuccessStatusCode && await answer.Content.ReadFromJsonAsync<LeaseResponse>(RegistryClient.AnswerOptions, cancel) is { HeartbeatMs: > 0 } lease)
            {
                Say($"{lease.State}", () => Registered(report.Address, lease.State, lease.Reason));
                return lease;
            }

            var refusal = Instance.Cut(await answer.Content.ReadAsStringAsync(cancel), CheckReport.MaxDescriptionChars)!;
            Say($"{answer.StatusCode}", () => Refused((int)answer.StatusCode, refusal));
        }
        catch (Exception exception) when (exception is HttpRequestException or JsonException || (exception is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            Say("away", () => Away(exception.Message));
        }

        return null;
    }

    private async Task SayGoodbye(CancellationToken cancel)
    {
        try
        {
            using var body = JsonContent.Create(new LeaveRequest(_key), options: Json.Options);
            using var answer = await registry.Send(HttpMethod.Delete, Path, body, GoodbyeTimeout, cancel);
        }
        catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException)
        {
            NoGoodbye(exception.Message);
        }
    }

    private void Say(string state, Action write)
    {
        if (_logged != state)
        {
            _logged = state;
            write();
        }
    }

    [LoggerMessage(LogLevel.Information, "Registered as {Address}: {State}, {Reason}")]
    private partial void Registered(string address, InstanceState state, string reason);

    [LoggerMessage(LogLevel.Warning, "The registry refuses this instance with {Status}, trying again: {Refusal}")]
    private partial void Refused(int status, string refusal);

    [LoggerMessage(LogLevel.Warning, "The registry is away, trying again: {Reason}")]
    private partial void Away(string reason);

    [LoggerMessage(LogLevel.Warning, "The registry was not told that this instance stops; its lease will run out: {Reason}")]
    private partial void NoGoodbye(string reason);

    [LoggerMessage(LogLevel.Error, "This instance does not register: it listens on no http address. Set ADVERTISED_URL")]
    private partial void NoAddress();
}
