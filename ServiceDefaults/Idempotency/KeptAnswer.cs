using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace OpsPlatform.ServiceDefaults.Idempotency;

/// <summary>An answer as it is kept and sent again.</summary>
/// <param name="Headers">Those that belong to the answer and not to one sending of it.</param>
/// <param name="Body">Null when it was larger than is kept.</param>
internal sealed record KeptAnswer(int Status, IReadOnlyDictionary<string, string> Headers, byte[]? Body)
{
    /// <summary>Orders of 200 lines answer with some 40 KiB; what is larger than this is a report, and found by its address.</summary>
    public const int MaxBodyBytes = 256 * 1024;

    private static readonly string[] Kept =
    [
        HeaderNames.ContentType, HeaderNames.ContentLanguage, HeaderNames.ContentDisposition, HeaderNames.Location, HeaderNames.ETag,
        HeaderNames.LastModified, HeaderNames.CacheControl, HeaderNames.Link, "Preference-Applied", "Operation-Location", HeaderNames.RetryAfter,
    ];

    /// <summary>What was done, and what the business refused; not what never began or what a later try may change by itself.</summary>
    public bool IsWorthKeeping => Status is (>= 200 and < 300) or StatusCodes.Status409Conflict or StatusCodes.Status422UnprocessableEntity;

    public string HeadersJson => JsonSerializer.Serialize(Headers);

    public static KeptAnswer Of(HttpResponse response, MemoryStream body) => new(
        response.StatusCode,
        Kept.Where(response.Headers.ContainsKey).ToDictionary(name => name, name => response.Headers[name].ToString()),
        body.Length <= MaxBodyBytes ? body.ToArray() : null);

    public static KeptAnswer Read(int status, string headersJson, byte[]? body) =>
        new(status, JsonSerializer.Deserialize<Dictionary<string, string>>(headersJson)!, body);

    public async Task Replay(HttpContext http)
    {
        http.Response.Headers[IdempotencyKey.ReplayedHeader] = "true";
        if (Body is null)
        {
            await Refusals.NotKept(Status, Headers.GetValueOrDefault(HeaderNames.Location)).ExecuteAsync(http);
            return;
        }

        http.Response.StatusCode = Status;
        foreach (var (name, value) in Headers)
        {
            http.Response.Headers[name] = value;
        }

        if (Body.Length > 0)
        {
            http.Response.ContentLength = Body.Length;
            await http.Response.Body.WriteAsync(Body, http.RequestAborted);
        }
    }
}
