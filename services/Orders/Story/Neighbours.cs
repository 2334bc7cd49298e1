using System.Text.Json;
using OpsPlatform.ServiceDefaults.Hops;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Orders.Story;

/// <summary>Asks other services for their steps, with the caller's own token, so that each of them judges by itself what the caller may see.</summary>
internal sealed partial class Neighbours(IConfiguration configuration, ILogger<Neighbours> log) : IDisposable
{
    private const int MaxAnswerBytes = 4 * 1024 * 1024;
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ConnectionsKeptFor = TimeSpan.FromMinutes(2);

    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = ConnectionsKeptFor })
    {
        Timeout = AnswerWithin,
        MaxResponseContentBufferSize = MaxAnswerBytes,
    };

    /// <returns>Null when the service is away, slow or refuses.</returns>
    public async Task<IReadOnlyList<Hop>?> Ask(string service, HttpContext http, IEnumerable<Guid> correlations, Guid order, CancellationToken cancel)
    {
        try
        {
            var address = configuration[$"services:{service}:http:0"] ?? throw new InvalidOperationException($"Set services__{service}__http__0: where the {service} service is.");
            var query = string.Join('&', correlations.Select(id => $"correlationId={id}"));
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(new Uri(address), $"/{service}/hops?{query}&entityId={order}"));
            request.Headers.TryAddWithoutValidation("Authorization", http.Request.Headers.Authorization.ToString());
            using var answer = await _http.SendAsync(request, cancel);
            answer.EnsureSuccessStatusCode();
            return (await answer.Content.ReadFromJsonAsync<Page<Hop>>(Json.Options, cancel))?.Items;
        }
        catch (Exception fault) when (fault is HttpRequestException or OperationCanceledException or JsonException or InvalidOperationException && !cancel.IsCancellationRequested)
        {
            Missing(service, fault.Message);
            return null;
        }
    }

    public void Dispose() => _http.Dispose();

    [LoggerMessage(LogLevel.Information, "A story is told without {Service}: {Reason}")]
    private partial void Missing(string service, string reason);
}
