using System.Buffers;
using System.Text;
using System.Text.Json;
using OpsPlatform.Contracts;

namespace OpsPlatform.Sync.Feed;

/// <summary>One entry as readers get it: <paramref name="Event"/> as a server-sent event, <paramref name="Json"/> as its data alone.</summary>
internal readonly record struct Frame(
    long Position, string EntityType, string EventType, ReadOnlyMemory<byte> Event, ReadOnlyMemory<byte> Json);

/// <summary>Every wanted entry of one organisation with After &lt; position &lt;= UpTo, serialised once for all its readers.</summary>
/// <param name="Events">The events of all frames, one after another.</param>
internal sealed record FrameBatch(long After, long UpTo, IReadOnlyList<Frame> Frames, ReadOnlyMemory<byte> Events)
{
    /// <summary>Notes when its first reader gets it; null when nobody will ask.</summary>
    public FeedTrail.Part? Trail { get; init; }
}

/// <summary>Serialises entries into one buffer.</summary>
internal sealed class FrameWriter : IDisposable
{
    private const int BytesPerFrame = 1_024;
    private static readonly byte[] EndOfEvent = "\n\n"u8.ToArray();

    private readonly ArrayBufferWriter<byte> _buffer;
    private readonly Utf8JsonWriter _json;
    private readonly List<(long Position, string EntityType, string EventType, int Start, int JsonStart, int JsonEnd)> _frames;

    public FrameWriter(int expectedFrames)
    {
        _buffer = new(Math.Max(1, expectedFrames) * BytesPerFrame);
        _json = new(_buffer, new() { SkipValidation = true });
        _frames = new(expectedFrames);
    }

    public int Count => _frames.Count;

    public long LastPosition => _frames[^1].Position;

    public void Add(long position, string service, CapturedChange change)
    {
        var start = _buffer.WrittenCount;
        Encoding.UTF8.GetBytes($"event: change\nid: {position}\ndata: ", _buffer);
        var jsonStart = _buffer.WrittenCount;
        _json.Reset();
        _json.WriteStartObject();
        _json.WriteNumber("position"u8, position);
        _json.WriteString("id"u8, change.Id);
        _json.WriteString("eventType"u8, change.EventType);
        _json.WriteString("category"u8, change.Category);
        _json.WriteString("priority"u8, change.Priority);
        _json.WriteString("entityType"u8, change.EntityType);
        _json.WriteString("entityId"u8, change.EntityId);
        _json.WriteNumber("rowVersion"u8, change.RowVersion);
        _json.WriteString("operation"u8, change.Operation);
        WriteRaw("data"u8, change.Data);
        WriteRaw("changed"u8, change.Changed);
        WriteRaw("metadata"u8, change.Metadata);
        _json.WriteString("service"u8, service);
        _json.WriteString("capturedAt"u8, change.CapturedAt.UtcDateTime);
        _json.WriteEndObject();
        _json.Flush();
        var jsonEnd = _buffer.WrittenCount;
        _buffer.Write(EndOfEvent);
        _frames.Add((position, change.EntityType, change.EventType, start, jsonStart, jsonEnd));
    }

    public FrameBatch ToBatch(long after, long upTo)
    {
        var bytes = _buffer.WrittenMemory;
        return new(
            after,
            upTo,
            [.. _frames.Select(frame => new Frame(
                frame.Position,
                frame.EntityType,
                frame.EventType,
                bytes[frame.Start..(frame.JsonEnd + EndOfEvent.Length)],
                bytes[frame.JsonStart..frame.JsonEnd]))],
            bytes);
    }

    public void Dispose() => _json.Dispose();

    private void WriteRaw(ReadOnlySpan<byte> name, string json)
    {
        _json.WritePropertyName(name);
        // A line end is white space in JSON (in its strings it is escaped) but would end the event's data line.
        _json.WriteRawValue(json.Replace('\n', ' ').Replace('\r', ' '), skipInputValidation: true);
    }
}
