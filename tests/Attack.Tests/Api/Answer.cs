using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace OpsPlatform.Attack.Tests.Api;

/// <summary>What came back. The body of an event stream is not read, for it has no end.</summary>
public sealed record Answer(int Status, string? ContentType, byte[] Body, TimeSpan Took, HttpResponseHeaders Headers)
{
    private const int MaxShownChars = 400;

    public bool IsSuccess => Status is >= 200 and < 300;

    public string Text => Encoding.UTF8.GetString(Body);

    public JsonElement Json => Body.Length == 0 ? JsonElement.Parse("{}") : JsonElement.Parse(Body);

    public override string ToString() => $"{Status} {(Text.Length > MaxShownChars ? Text[..MaxShownChars] : Text)}";
}
