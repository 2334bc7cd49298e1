using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Configuration;

namespace OpsPlatform.ServiceDefaults.Auth;

/// <summary>This service's own tokens, one per organisation it works for and one for none; kept until a minute before they expire.</summary>
public sealed class ServiceTokens(ServiceName self, IConfiguration configuration, TimeProvider time) : IDisposable
{
    /// <summary>Of so many organisations at once tokens are kept; beyond that those that end first are asked for anew.</summary>
    public const int MaxKept = 1_000;

    private static readonly TimeSpan RenewedBefore = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ConnectWithin = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan ConnectionsKeptFor = TimeSpan.FromMinutes(2);

    private readonly HttpClient _http = new(Handler()) { Timeout = AnswerWithin };
    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, Token> _tokens = [];
    private readonly Dictionary<Guid, Task<Token>> _asking = [];

    /// <exception cref="ServiceAwayException">The identity service could not be reached in time.</exception>
    /// <exception cref="InvalidOperationException">There is no such organisation, or the identity service does not take this service's secret.</exception>
    public async Task<string> Get(Guid? org, CancellationToken cancel)
    {
        var key = org ?? Guid.Empty;
        Task<Token> asking;
        lock (_lock)
        {
            if (_tokens.TryGetValue(key, out var kept) && kept.ExpiresAt - RenewedBefore > time.GetUtcNow())
            {
                return kept.Text;
            }

            // One asks for all who wait, and goes on when one of them gives up.
            if (!_asking.TryGetValue(key, out asking!))
            {
                _asking[key] = asking = Task.Run(() => Ask(key, org), CancellationToken.None);
            }
        }

        try
        {
            return (await asking.WaitAsync(cancel)).Text;
        }
        catch (ServiceAwayException) when (StillGood(key) is { } kept)
        {
            return kept;
        }
    }

    /// <summary>Not to be used again: a neighbour refused it.</summary>
    public void Forget(Guid? org, string token)
    {
        lock (_lock)
        {
            if (_tokens.TryGetValue(org ?? Guid.Empty, out var kept) && kept.Text == token)
            {
                _tokens.Remove(org ?? Guid.Empty);
            }
        }
    }

    public void Dispose() => _http.Dispose();

    /// <summary>A redirect would carry the secret or the token elsewhere; connections are renewed so that new addresses are found.</summary>
    internal static SocketsHttpHandler Handler() => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        ConnectTimeout = ConnectWithin,
        PooledConnectionLifetime = ConnectionsKeptFor,
    };

    /// <exception cref="InvalidOperationException">No address is configured.</exception>
    internal static IReadOnlyList<Uri> AddressesOf(IConfiguration configuration, string service)
    {
        Uri[] addresses = [.. configuration.GetSection($"services:{service}:http").GetChildren().Select(instance => instance.Value)
            .OfType<string>().Where(address => address.Length > 0).Distinct().Select(address => new Uri(address))];
        return addresses.Length > 0
            ? addresses
            : throw new InvalidOperationException($"Set services__{service}__http__0: where the {service} service is.");
    }

    private string? StillGood(Guid key)
    {
        lock (_lock)
        {
            return _tokens.TryGetValue(key, out var kept) && kept.ExpiresAt > time.GetUtcNow() ? kept.Text : null;
        }
    }

    private async Task<Token> Ask(Guid key, Guid? org)
    {
        try
        {
            var token = await Ask(org);
            lock (_lock)
            {
                _tokens[key] = token;
                if (_tokens.Count > MaxKept)
                {
                    _tokens.Remove(_tokens.MinBy(pair => pair.Value.ExpiresAt).Key);
                }
            }

            return token;
        }
        finally
        {
            lock (_lock)
            {
                _asking.Remove(key);
            }
        }
    }

    private async Task<Token> Ask(Guid? org)
    {
        var secret = configuration.Required("Client:Secret", "the secret by which this service proves to the identity service which one it is");
        var form = new Dictionary<string, string> { ["grant_type"] = "client_credentials" };
        if (org is not null)
        {
            form["organisation_id"] = org.Value.ToString();
        }

        Exception? unreached = null;
        foreach (var address in AddressesOf(configuration, "identity"))
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(address, "/identity/token")) { Content = new FormUrlEncodedContent(form) };
            request.Headers.Authorization = ClientSecrets.Basic(self.Value, secret);
            try
            {
                using var response = await _http.SendAsync(request);
                return await Read(response, org);
            }
            catch (Exception failure) when (failure is HttpRequestException or OperationCanceledException or JsonException)
            {
                unreached = failure;
            }
        }

        throw new ServiceAwayException("identity", $"The identity service gave no token: {unreached?.Message}", unreached);
    }

    private async Task<Token> Read(HttpResponseMessage response, Guid? org)
    {
        switch (response.StatusCode)
        {
            case HttpStatusCode.Unauthorized:
                throw new InvalidOperationException(
                    $"The identity service does not take the secret of {self.Value}: set Client__Secret here and Clients__{self.Value} there to the same.");
            case HttpStatusCode.BadRequest:
                throw new InvalidOperationException($"The identity service gives {self.Value} no token for organisation {org}: there is none of that id.");
            default:
                response.EnsureSuccessStatusCode();
                var answer = await response.Content.ReadFromJsonAsync<Answer>() ?? throw new JsonException("The answer is empty.");
                return new(answer.AccessToken, time.GetUtcNow().AddSeconds(answer.ExpiresIn));
        }
    }

    private sealed record Token(string Text, DateTimeOffset ExpiresAt);

    private sealed record Answer(
        [property: JsonPropertyName("access_token")] string AccessToken, [property: JsonPropertyName("expires_in")] int ExpiresIn);
}
