using System.Text.Json;
using System.Text.Json.Nodes;
using OpsPlatform.Gateway.Routing;

namespace OpsPlatform.Gateway.Documents;

/// <summary>One OpenAPI document over all services, made anew at most every 10 s; a service that is away keeps its last known part and is named in x-unavailable.</summary>
internal sealed partial class ApiDocument(Destinations destinations, TimeProvider time, ILogger<ApiDocument> log) : IDisposable
{
    private const long MaxDocumentBytes = 4 * 1024 * 1024;

    private static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan FetchTimeout = TimeSpan.FromSeconds(3);

    private readonly HttpClient http = new() { Timeout = FetchTimeout, MaxResponseContentBufferSize = MaxDocumentBytes };
    private readonly SemaphoreSlim one = new(1);
    private readonly Dictionary<string, string> lastKnown = [];
    private (string Text, DateTimeOffset MadeAt)? made;

    public async Task<string> Get(CancellationToken cancel)
    {
        await one.WaitAsync(cancel);

        try
        {
            if (made is not { } current || time.GetUtcNow() - current.MadeAt >= Lifetime)
            {
                made = current = (await Merge(cancel), time.GetUtcNow());
            }

            return current.Text;
        }
        finally
        {
            one.Release();
        }
    }

    public void Dispose()
    {
        http.Dispose();
        one.Dispose();
    }

    private async Task<string> Merge(CancellationToken cancel)
    {
        var fetched = await Task.WhenAll(Upstreams.Paths.Keys.Select(async service => (service, text: await Fetch(service, cancel))));
        var document = new MergedDocument();

        foreach (var (service, text) in fetched)
        {
            if (text is null)
            {
                document.MarkUnavailable(service);
            }
            else
            {
                lastKnown[service] = text;
            }

            if (lastKnown.TryGetValue(service, out var known))
            {
                document.Add(service, JsonNode.Parse(known)!.AsObject());
            }
        }

        return document.ToString();
    }

    private async Task<string?> Fetch(string service, CancellationToken cancel)
    {
        foreach (var address in destinations.AddressesOf(service))
        {
            try
            {
                var text = await http.GetStringAsync(new Uri(new Uri(address), $"/{service}/openapi.json"), cancel);

                if (JsonNode.Parse(text) is JsonObject)
                {
                    return text;
                }
            }
            catch (Exception failure) when (failure is HttpRequestException or JsonException or OperationCanceledException && !cancel.IsCancellationRequested)
            {
                LogAway(service, address, failure.Message);
            }
        }

        return null;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "No OpenAPI document of {Service} from {Address}: {Reason}")]
    private partial void LogAway(string service, string address, string reason);
}
