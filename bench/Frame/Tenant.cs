using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace OpsPlatform.Bench.Frame;

/// <summary>An organisation that came in through the front door, and its owner's client.</summary>
internal sealed class Tenant : IDisposable
{
    private const string Password = "Correct-Horse-9";
    private const int MaxConnections = 1_024;
    private static readonly TimeSpan MaxAttempts = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Young = TimeSpan.FromMinutes(2);
    private readonly string _email;
    private long _signedIn;

    private Tenant(HttpClient client, string email)
    {
        Client = client;
        _email = email;
    }

    public HttpClient Client { get; }

    public Guid Id { get; private set; }

    public static Task<Tenant> Register(BenchSystem system, string name, CancellationToken cancel) => Register(
        system, new { organisation = new { name, currency = "GBP", timeZone = "Europe/London", dayStartsAt = "04:00" } }, $"{Guid.NewGuid():N}@example.org", cancel);

    /// <summary>Another member of the same organisation.</summary>
    public async Task<Tenant> Invite(BenchSystem system, CancellationToken cancel)
    {
        var email = $"{Guid.NewGuid():N}@example.org";
        var invitation = await Post("/identity/invitations", new { email, role = "viewer" }, cancel);
        return await Register(system, new { invitationCode = invitation.GetProperty("code").GetString() }, email, cancel);
    }

    private static async Task<Tenant> Register(BenchSystem system, object place, string email, CancellationToken cancel)
    {
        // Nothing of the client that costs and that a till would not do: no proxy, no cookies, no trace headers.
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,
            MaxConnectionsPerServer = MaxConnections,
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(5),
        };
        var tenant = new Tenant(new HttpClient(handler) { BaseAddress = system.Gateway, Timeout = TimeSpan.FromMinutes(2) }, email);
        var person = new Dictionary<string, object?> { ["email"] = email, ["password"] = Password, ["displayName"] = "Somebody" };
        foreach (var property in place.GetType().GetProperties())
        {
            person[property.Name] = property.GetValue(place);
        }

        await tenant.SignIn("/identity/register", person, cancel);
        return tenant;
    }

    public static async Task<Tenant[]> Register(BenchSystem system, int count, CancellationToken cancel)
    {
        var tenants = new Tenant[count];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = cancel }, async (i, stop) =>
            tenants[i] = await Register(system, $"Shop {i}", stop));
        return tenants;
    }

    /// <summary>Tokens live ten minutes; call it before each run. A young one is kept, as only so many may sign in a second.</summary>
    public Task Refresh(CancellationToken cancel) => Stopwatch.GetElapsedTime(_signedIn) < Young
        ? Task.CompletedTask
        : SignIn("/identity/login", new { email = _email, password = Password }, cancel);

    public async Task<JsonElement> Post(string path, object body, CancellationToken cancel) => await Read(await Client.PostAsJsonAsync(path, body, cancel), cancel);

    public async Task<JsonElement> Get(string path, CancellationToken cancel) => await Read(await Client.GetAsync(path, cancel), cancel);

    public void Dispose() => Client.Dispose();

    /// <summary>Ten sign-ins a second are what the gateway takes from one address.</summary>
    private async Task SignIn(string path, object body, CancellationToken cancel)
    {
        var deadline = DateTime.UtcNow + MaxAttempts;
        while (true)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body) };
            using var response = await Client.SendAsync(request, cancel);
            if (response.StatusCode == HttpStatusCode.TooManyRequests && DateTime.UtcNow < deadline)
            {
                await Task.Delay(response.Headers.RetryAfter?.Delta ?? TimeSpan.FromSeconds(1), cancel);
                continue;
            }

            var session = await Read(response, cancel);
            _signedIn = Stopwatch.GetTimestamp();
            Id = session.GetProperty("organisationId").GetGuid();
            Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", session.GetProperty("accessToken").GetString());
            return;
        }
    }

    private static async Task<JsonElement> Read(HttpResponseMessage response, CancellationToken cancel)
    {
        var text = await response.Content.ReadAsStringAsync(cancel);
        return response.IsSuccessStatusCode
            ? JsonDocument.Parse(text.Length == 0 ? "{}" : text).RootElement
            : throw new HttpRequestException($"{response.RequestMessage!.RequestUri}: {(int)response.StatusCode} {text}", null, response.StatusCode);
    }
}
