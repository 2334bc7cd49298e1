using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>Writes server-sent events; those added are sent together by Send. One at a time.</summary>
internal sealed class EventWriter(PipeWriter body)
{
    /// <summary>More memory than that is not kept for the next events.</summary>
    private const int MostKeptBytes = 64 * 1024;

    private static readonly JsonWriterOptions Written = new() { Encoder = Json.Options.Encoder, SkipValidation = true };
    private ArrayBufferWriter<byte> _events = new();
    private Utf8JsonWriter? _json;

    public void KeepAlive() => _events.Write(": keep-alive\n\n"u8);

    /// <param name="id">What a reader that comes again has as its Last-Event-ID; null for none.</param>
    /// <param name="retryMs">Until a reader that lost the connection comes again; null for as the reader thinks fit.</param>
    public void Add<T>(string name, string? id, T data, int? retryMs = null)
    {
        Encoding.UTF8.GetBytes($"{(retryMs is null ? "" : $"retry: {retryMs}\n")}event: {name}\n{(id is null ? "" : $"id: {id}\n")}data: ", _events);
        _json ??= new(_events, Written);
        JsonSerializer.Serialize(_json, data, Json.Options);
        _json.Flush();
        _json.Reset();
        _events.Write("\n\n"u8);
    }

    /// <returns>False when there was nothing to send.</returns>
    public async Task<bool> Send(CancellationToken cancel)
    {
        if (_events.WrittenCount == 0)
        {
            return false;
        }

        await body.WriteAsync(_events.WrittenMemory, cancel);
        if (_events.Capacity > MostKeptBytes)
        {
            (_events, _json) = (new(), null);
        }

        _events.ResetWrittenCount();
        return true;
    }
}
