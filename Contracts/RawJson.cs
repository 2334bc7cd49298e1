using System.Text.Json;
using System.Text.Json.Serialization;

namespace OpsPlatform.Contracts;

/// <summary>Carries a string property that already holds JSON as that JSON, so that rows captured in the database are never parsed on their way.</summary>
public sealed class RawJson : JsonConverter<string>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using var document = JsonDocument.ParseValue(ref reader);
        return document.RootElement.GetRawText();
    }

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) =>
        writer.WriteRawValue(value, skipInputValidation: true);
}
