using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Runtime.InteropServices;
using System.Text.Json;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace OpsPlatform.Testing;

/// <summary>The whole system as the AppHost describes it, entered through the gateway.</summary>
public partial class RunningSystem : IAsyncLifetime
{
    private const int Sigkill = 9;
    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(3);
    private DistributedApplication? _app;

    public DistributedApplication App => _app ?? throw new InvalidOperationException("The system is not started.");

    public Uri Gateway => App.GetEndpoint("gateway", "http");

    public static string OperatorKey => "operator-of-the-system-tests";

    public virtual async ValueTask InitializeAsync()
    {
        using var timeout = new CancellationTokenSource(StartTimeout);
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<AppHostMarker>(
            ["UseVolumes=false", $"Parameters:operator-key={OperatorKey}", .. Settings], timeout.Token);
        Configure(builder);
        _app = await builder.BuildAsync(timeout.Token);
        await _app.StartAsync(timeout.Token);
        await _app.ResourceNotifications.WaitForResourceHealthyAsync("gateway", timeout.Token);
    }

    /// <summary>Registers a fresh organisation and answers a client that acts as its owner.</summary>
    public Task<Organisation> Register(string name) => Organisation.Register(Gateway, name);

    /// <summary>A client at the gateway that holds the operator key.</summary>
    public HttpClient Operator()
    {
        var client = new HttpClient { BaseAddress = Gateway };
        client.DefaultRequestHeaders.Add("X-Operator-Key", OperatorKey);
        return client;
    }

    /// <summary>Kills the process of a resource, of one replica when it has several, as a crash would and answers once it is healthy again under another process id.</summary>
    public async Task Kill(string resource)
    {
        using var timeout = new CancellationTokenSource(StartTimeout);
        var before = await ProcessId(resource, _ => true, timeout.Token);
        if (KillProcess(before, Sigkill) != 0)
        {
            throw new InvalidOperationException($"Process {before} of {resource} could not be killed: error {Marshal.GetLastPInvokeError()}.");
        }

        await ProcessId(resource, seen => seen.Pid != before && seen.Health == HealthStatus.Healthy, timeout.Token);
    }

    /// <summary>Sends a signal to the process of a resource, or of one replica by its id, such as orders-0.</summary>
    public void Signal(string id, int signal)
    {
        var process = App.ResourceNotifications.TryGetCurrentState(id, out var seen) ? Pid(seen) : null;
        if (process is not { } pid || KillProcess(pid, signal) != 0)
        {
            throw new InvalidOperationException($"{id} has no process that signal {signal} could be sent to.");
        }
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (_app is not null)
        {
            await _app.StopAsync();
            await _app.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>More configuration of the AppHost, as Key=Value.</summary>
    protected virtual IEnumerable<string> Settings => [];

    /// <summary>Changes the model before it is built, such as how many instances a service has.</summary>
    protected virtual void Configure(IDistributedApplicationTestingBuilder builder)
    {
    }

    private async Task<int> ProcessId(string resource, Func<(int Pid, HealthStatus? Health), bool> fits, CancellationToken cancel)
    {
        var found = await App.ResourceNotifications.WaitForResourceAsync(
            resource, seen => Pid(seen) is { } pid && fits((pid, seen.Snapshot.HealthStatus)), cancel);
        return Pid(found)!.Value;
    }

    private static int? Pid(ResourceEvent seen) =>
        seen.Snapshot.Properties.FirstOrDefault(property => property.Name == KnownProperties.Executable.Pid)?.Value is { } value
            ? Convert.ToInt32(value)
            : null;

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int KillProcess(int pid, int signal);
}

/// <summary>An organisation and a client that acts as its owner.</summary>
public sealed class Organisation : IDisposable
{
    private Organisation(Guid id, string email, HttpClient client)
    {
        Id = id;
        Email = email;
        Client = client;
    }

    public Guid Id { get; }

    public string Email { get; }

    public static string Password => "Correct-Horse-9";

    public HttpClient Client { get; }

    public static async Task<Organisation> Register(Uri gateway, string name)
    {
        var client = new HttpClient { BaseAddress = gateway };
        var email = $"{Guid.NewGuid():N}@example.org";
        var response = await client.PostAsJsonAsync("/identity/register", new
        {
            email,
            password = Password,
            displayName = "Owner",
            organisation = new { name, currency = "GBP", timeZone = "Europe/London", dayStartsAt = "04:00" },
        });
        return Of(email, client, await Read(response));
    }

    /// <summary>Another person, who was invited and has joined.</summary>
    public async Task<Organisation> Join(string role)
    {
        var email = $"{Guid.NewGuid():N}@example.org";
        var invitation = await Post("/identity/invitations", new { email, role });
        var client = new HttpClient { BaseAddress = Client.BaseAddress };
        var response = await client.PostAsJsonAsync("/identity/register", new { email, password = Password, displayName = role, invitationCode = invitation.GetProperty("code").GetString() });
        return Of(email, client, await Read(response));
    }

    public async Task<JsonElement> Post(string path, object body) => await Read(await Client.PostAsJsonAsync(path, body));

    public async Task<JsonElement> Get(string path) => await Read(await Client.GetAsync(path));

    public void Dispose() => Client.Dispose();

    private static Organisation Of(string email, HttpClient client, JsonElement session)
    {
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", session.GetProperty("accessToken").GetString());
        return new(session.GetProperty("organisationId").GetGuid(), email, client);
    }

    private static async Task<JsonElement> Read(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        return response.IsSuccessStatusCode
            ? JsonDocument.Parse(text.Length == 0 ? "{}" : text).RootElement
            : throw new HttpRequestException($"{response.RequestMessage!.RequestUri}: {(int)response.StatusCode} {text}", null, response.StatusCode);
    }
}
