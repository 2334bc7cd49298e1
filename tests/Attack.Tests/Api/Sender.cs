using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using OpsPlatform.Attack.Tests.Fixtures;

namespace OpsPlatform.Attack.Tests.Api;

/// <summary>Sends calls as they are written: paths stay as given, redirects are not followed, headers may hold what no client would send.</summary>
public sealed class Sender(Func<string?, Uri> root) : IDisposable
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(45);

    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        AutomaticDecompression = DecompressionMethods.None,
        RequestHeaderEncodingSelector = (_, _) => Encoding.Latin1,
        Expect100ContinueTimeout = TimeSpan.FromSeconds(2),
    })
    { Timeout = Timeout };

    /// <param name="body">In place of the call's own.</param>
    public async Task<Answer> Send(Call call, string? token, HttpContent? body = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(call.Method), Address(call)) { Content = body ?? BodyOf(call) };
        if ((call.Credentials ?? (token is null ? null : ("Authorization", $"Bearer {token}"))) is var (header, proof))
        {
            request.Headers.TryAddWithoutValidation(header, proof);
        }

        foreach (var (name, value) in call.Headers)
        {
            if (name.StartsWith("Content-", StringComparison.OrdinalIgnoreCase))
            {
                request.Content?.Headers.Remove(name);
                request.Content?.Headers.TryAddWithoutValidation(name, value);
            }
            else
            {
                request.Headers.Remove(name);
                request.Headers.TryAddWithoutValidation(name, value);
            }
        }

        var started = Stopwatch.GetTimestamp();
        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        var type = response.Content.Headers.ContentType?.MediaType;
        var bytes = type == "text/event-stream" ? [] : await response.Content.ReadAsByteArrayAsync();
        return new((int)response.StatusCode, type, bytes, Stopwatch.GetElapsedTime(started), response.Headers);
    }

    public void Dispose() => _http.Dispose();

    private Uri Address(Call call)
    {
        var query = string.Join('&', call.Query.Select(pair => $"{Uri.EscapeDataString(pair.Name)}={Escape(pair.Value)}"));
        return new(
            $"{root(call.Past).GetLeftPart(UriPartial.Authority)}{call.Path}{(query.Length > 0 ? "?" : "")}{query}",
            new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
    }

    // A value that begins so is in its wire form already: some bytes are no text.
    private static string Escape(string value) =>
        value.StartsWith(Raw, StringComparison.Ordinal) ? value[Raw.Length..] : Uri.EscapeDataString(value);

    public const string Raw = "raw:";

    private static ByteArrayContent? BodyOf(Call call)
    {
        if (call.Form is { } form)
        {
            return new FormUrlEncodedContent(form.Select(pair => KeyValuePair.Create(pair.Name, pair.Value)));
        }

        return call.Json is { } json ? Json(Encoding.UTF8.GetBytes(json.ToJsonString())) : null;
    }

    public static ByteArrayContent Json(byte[] bytes) => new(bytes) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
}
