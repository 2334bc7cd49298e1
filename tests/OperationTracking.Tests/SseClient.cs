using System.Net;
using System.Text.Json;

namespace OpsPlatform.OperationTracking.Tests;

public sealed record SseEvent(string Name, string? Id, JsonElement Data);

/// <summary>Reads server-sent events.</summary>
public sealed class SseClient(HttpClient client, HttpResponseMessage response, StreamReader reader) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public HttpResponseMessage Response => response;

    public static Task<SseClient> Open(HttpClient client, Guid id, string? lastEventId = null) => Open(client, $"/operations/{id}/events", lastEventId);

    public static async Task<SseClient> Open(HttpClient client, string path, string? lastEventId = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.ParseAdd("text/event-stream");
        if (lastEventId is not null)
        {
            request.Headers.Add("Last-Event-ID", lastEventId);
        }

        var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        return new(client, response, new StreamReader(await response.Content.ReadAsStreamAsync()));
    }

    /// <returns>The next event; null at the end of the stream.</returns>
    public async Task<SseEvent?> Next()
    {
        using var timeout = new CancellationTokenSource(Patience);
        var (name, id, data) = ("message", (string?)null, "");
        while (await reader.ReadLineAsync(timeout.Token) is { } line)
        {
            if (line.Length == 0)
            {
                if (data.Length > 0)
                {
                    return new(name, id, JsonDocument.Parse(data).RootElement);
                }

                continue;
            }

            var colon = line.IndexOf(": ", StringComparison.Ordinal);
            var value = line[(colon + 2)..];
            (name, id, data) = line[..colon] switch
            {
                "event" => (value, id, data),
                "id" => (name, value, data),
                "data" => (name, id, value),
                _ => (name, id, data),
            };
        }

        return null;
    }

    /// <summary>Reads on until the operation is told of as it should be.</summary>
    public async Task Until(Guid id, Func<JsonElement, bool> holds)
    {
        while (await Next() is { } next)
        {
            if (next.Data.Text("operationId") == id.ToString() && holds(next.Data))
            {
                return;
            }
        }

        throw new EndOfStreamException();
    }

    /// <summary>Reads on until each has been told of in its state, in any order.</summary>
    public async Task Until(params (Guid Id, string Status)[] states)
    {
        var left = states.ToHashSet();
        while (left.Count > 0)
        {
            var next = (await Next())!.Data;
            left.Remove((Guid.Parse(next.Text("operationId")), next.Text("status")));
        }
    }

    public async Task<List<SseEvent>> ToTheEnd()
    {
        List<SseEvent> events = [];
        while (await Next() is { } next)
        {
            events.Add(next);
        }

        return events;
    }

    public void Dispose()
    {
        reader.Dispose();
        response.Dispose();
        client.Dispose();
    }
}
