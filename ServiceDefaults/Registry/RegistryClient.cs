using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Configuration;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.ServiceDefaults.Registry;

/// <summary>
/// Talks to the registry as this service, at services:registry:http:{i}; after a failure the next call goes to the next
/// replica. The secret goes with the request, so that it works while Identity is away.
/// </summary>
public sealed class RegistryClient : IDisposable
{
    /// <summary>A newer registry may say more than is known here.</summary>
    public static readonly JsonSerializerOptions AnswerOptions = new(Json.Options) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip };

    private const string Registry = "registry";
    private const long MaxAnswerBytes = 1024 * 1024;
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(2);

    /// <summary>After this a host name is looked up again.</summary>
    private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(2);

    private readonly HttpClient _http;
    private readonly string? _secret;
    private Uri[] _replicas;
    private uint _turn;

    public RegistryClient(IConfiguration configuration, ServiceName service)
    {
        Service = service.Value;
        _secret = configuration["Client:Secret"];
        _replicas = [.. configuration.GetSection($"services:{Registry}:http").GetChildren()
            .Select(replica => replica.Value).Where(address => !string.IsNullOrEmpty(address)).Select(address => new Uri(address!))];
        _http = new HttpClient(new SocketsHttpHandler
        {
            ConnectTimeout = ConnectTimeout,
            PooledConnectionLifetime = ConnectionLifetime,
            AllowAutoRedirect = false,
            UseProxy = false,
            // Heartbeats would bury the traces of requests.
            ActivityHeadersPropagator = null,
        })
        {
            MaxResponseContentBufferSize = MaxAnswerBytes,
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _http.DefaultRequestHeaders.Authorization = ClientSecrets.Basic(Service, _secret ?? "");
    }

    public string Service { get; }

    /// <summary>False where no registry or no secret is configured: then nobody registers and nobody asks.</summary>
    public bool IsConfigured => !string.IsNullOrEmpty(_secret) && (_replicas.Length > 0 || Service == Registry);

    /// <exception cref="HttpRequestException">The replica asked cannot be reached.</exception>
    /// <exception cref="OperationCanceledException">It did not answer within <paramref name="timeout"/>.</exception>
    public async Task<HttpResponseMessage> Send(HttpMethod method, string path, HttpContent? body, TimeSpan timeout, CancellationToken cancel)
    {
        var replica = _replicas[_turn % _replicas.Length];
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(timeout);
        try
        {
            using var request = new HttpRequestMessage(method, new Uri(replica, path)) { Content = body };
            var answer = await _http.SendAsync(request, limit.Token);
            if ((int)answer.StatusCode >= 500)
            {
                _turn++;
            }

            return answer;
        }
        catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException)
        {
            _turn++;
            throw;
        }
    }

    public void Dispose() => _http.Dispose();

    /// <summary>A registry registers with itself.</summary>
    internal void UseOwn(Uri address)
    {
        if (Service == Registry)
        {
            _replicas = [address];
        }
    }
}
