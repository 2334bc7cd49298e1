using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace OpsPlatform.Chaos.Running;

/// <summary>RabbitMQ's management API.</summary>
internal sealed class BrokerApi : IDisposable
{
    private const string Policies = "api/policies/%2F/";
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);
    private readonly HttpClient _http;

    public BrokerApi(Target target)
    {
        _http = new HttpClient { BaseAddress = target.Management, Timeout = Timeout };
        var login = Uri.UnescapeDataString(target.Broker.UserInfo);
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(login)));
    }

    /// <summary>It comes a little later than the broker itself.</summary>
    public async Task<bool> Answers(CancellationToken cancel)
    {
        try
        {
            await Depths(cancel);
            return true;
        }
        catch (Exception away) when (away is HttpRequestException || (away is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            return false;
        }
    }

    /// <summary>Names of the open connections, with the process that opened each as it told it.</summary>
    public async Task<IReadOnlyList<(string Name, int? ProcessId)>> Connections(CancellationToken cancel)
    {
        var list = await _http.GetFromJsonAsync<JsonElement>("api/connections", cancel);
        return [.. list.EnumerateArray().Select(connection => (connection.GetProperty("name").GetString()!, ProcessOf(connection)))];
    }

    public async Task Close(string connection, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, $"api/connections/{Uri.EscapeDataString(connection)}") { Headers = { { "X-Reason", "chaos" } } };
        using var response = await _http.SendAsync(request, cancel);
        if (response.StatusCode != HttpStatusCode.NotFound)
        {
            response.EnsureSuccessStatusCode();
        }
    }

    /// <summary>From now on nothing more is taken into the queues whose names match.</summary>
    public async Task Fill(string policy, string pattern, CancellationToken cancel)
    {
        var definition = new Dictionary<string, object> { ["max-length"] = 0, ["overflow"] = "reject-publish" };
        var body = new Dictionary<string, object> { ["pattern"] = pattern, ["definition"] = definition, ["priority"] = 9, ["apply-to"] = "queues" };
        (await _http.PutAsJsonAsync(Policies + policy, body, cancel)).EnsureSuccessStatusCode();
    }

    public async Task Unfill(string policy, CancellationToken cancel)
    {
        using var response = await _http.DeleteAsync(Policies + policy, cancel);
        if (response.StatusCode != HttpStatusCode.NotFound)
        {
            response.EnsureSuccessStatusCode();
        }
    }

    /// <summary>Messages in each queue, those on their way to a consumer included.</summary>
    public async Task<IReadOnlyDictionary<string, long>> Depths(CancellationToken cancel)
    {
        var list = await _http.GetFromJsonAsync<JsonElement>("api/queues?disable_stats=true&enable_queue_totals=true", cancel);
        return list.EnumerateArray().ToDictionary(
            queue => queue.GetProperty("name").GetString()!, queue => queue.TryGetProperty("messages", out var messages) ? messages.GetInt64() : 0);
    }

    public void Dispose() => _http.Dispose();

    private static int? ProcessOf(JsonElement connection) =>
        connection.GetProperty("client_properties") is { ValueKind: JsonValueKind.Object } told && told.TryGetProperty("process_id", out var id)
            && int.TryParse(id.ToString(), out var process)
            ? process
            : null;
}
