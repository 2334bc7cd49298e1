using System.Net;
using System.Text.Json;

namespace OpsPlatform.Sync.Tests;

public sealed record SseEvent(string Name, long? Id, string Data)
{
    public JsonElement Json => JsonDocument.Parse(Data).RootElement;

    public string EntityId => Json.GetProperty("entityId").GetString()!;
}

/// <summary>Reads server-sent events line by line, comments included.</summary>
public sealed class SseClient(HttpResponseMessage response, StreamReader reader) : IDisposable
{
    public const string Comment = "comment";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public HttpResponseMessage Response => response;

    public long LastId { get; private set; }

    public static async Task<SseClient> Open(HttpClient client, string address) => (await TryOpen(client, address, null)).ShouldNotBeNull();

    /// <returns>Null when too many streams are open.</returns>
    public static async Task<SseClient?> TryOpen(HttpClient client, string address, long? lastEventId)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        request.Headers.Accept.ParseAdd("text/event-stream");
        if (lastEventId is not null)
        {
            request.Headers.Add("Last-Event-ID", $"{lastEventId}");
        }

        var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        if (response.StatusCode == HttpStatusCode.TooManyRequests)
        {
            response.Dispose();
            return null;
        }

        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        return new(response, new StreamReader(await response.Content.ReadAsStreamAsync())) { LastId = lastEventId ?? 0 };
    }

    /// <returns>The next event or comment; null at the end of the stream.</returns>
    public async Task<SseEvent?> NextOrComment()
    {
        using var timeout = new CancellationTokenSource(Patience);
        return await Read(timeout.Token);
    }

    private async Task<SseEvent?> Read(CancellationToken cancel)
    {
        var (name, data, id) = ("message", "", (long?)null);
        while (await reader.ReadLineAsync(cancel) is { } line)
        {
            if (line.Length == 0)
            {
                LastId = id ?? LastId;
                return new(name, id, data);
            }

            var colon = line.IndexOf(": ", StringComparison.Ordinal);
            var value = line[(colon + 2)..];
            switch (line[..colon])
            {
                case "event":
                    name = value;
                    break;
                case "id":
                    id = long.Parse(value);
                    break;
                case "data":
                    data = value;
                    break;
                case "retry":
                    break;
                case "":
                    (name, data) = (Comment, value);
                    break;
                default:
                    throw new FormatException($"'{line}' is no part of an event.");
            }
        }

        return null;
    }

    public async Task<SseEvent?> NextOrEnd()
    {
        // Comments never end: they must not keep anybody waiting for an event that does not come.
        using var timeout = new CancellationTokenSource(Patience);
        while (true)
        {
            var next = await Read(timeout.Token);
            if (next?.Name != Comment)
            {
                return next;
            }
        }
    }

    public async Task<SseEvent> Next(string name)
    {
        var next = await NextOrEnd();
        next.ShouldNotBeNull();
        next.Name.ShouldBe(name);
        return next;
    }

    /// <summary>The entity ids of that many changes; other events between them are passed over.</summary>
    public async Task<List<string>> Take(int changes)
    {
        List<string> ids = [];
        while (ids.Count < changes)
        {
            var next = await NextOrEnd();
            next.ShouldNotBeNull();
            if (next.Name == "change")
            {
                ids.Add(next.EntityId);
            }
        }

        return ids;
    }

    public void Dispose()
    {
        reader.Dispose();
        response.Dispose();
    }
}
