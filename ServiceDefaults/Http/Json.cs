using System.Text.Json;
using System.Text.Json.Serialization;

namespace OpsPlatform.ServiceDefaults.Http;

/// <summary>How requests and answers are written: what is not understood is refused, never guessed.</summary>
public static class Json
{
    /// <summary>The options of requests and answers, for code outside an endpoint.</summary>
    public static JsonSerializerOptions Options { get; } = Configure(new JsonSerializerOptions(JsonSerializerDefaults.Web));

    internal static JsonSerializerOptions Configure(JsonSerializerOptions options)
    {
        options.NumberHandling = JsonNumberHandling.Strict;
        options.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        options.AllowDuplicateProperties = false;
        options.RespectNullableAnnotations = true;
        options.RespectRequiredConstructorParameters = true;
        options.MaxDepth = 16;
        options.Converters.Add(new NamedEnums());
        return options;
    }
}
