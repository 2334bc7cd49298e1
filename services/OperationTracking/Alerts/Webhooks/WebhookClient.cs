using System.Net;
using System.Net.Sockets;
using System.Text;

namespace OpsPlatform.OperationTracking.Alerts.Webhooks;

/// <summary>What became of an attempt.</summary>
/// <param name="StatusCode">Null when no answer came.</param>
/// <param name="Answer">The beginning of its body.</param>
/// <param name="Error">Why no answer came.</param>
/// <param name="RetryAfter">As the receiver asked for.</param>
internal sealed record AttemptOutcome(int? StatusCode, string? Answer, string? Error, TimeSpan Duration, TimeSpan? RetryAfter = null)
{
    public bool IsDelivered => StatusCode is >= 200 and < 300;
}

/// <summary>
/// Sends to receivers that nobody here knows: follows no redirect, takes no proxy, cookie or header of ours along, and looks at the address
/// when it connects, so that no name that is resolved anew leads inside.
/// </summary>
internal sealed class WebhookClient : IDisposable
{
    private const int MaxAnswerBytes = 64 * 1024;
    private const int KeptBytes = 1024;
    private const int MaxHeadersKiB = 16;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(15);

    /// <summary>A name may mean another machine after so long.</summary>
    private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(2);

    private readonly WebhookSettings _settings;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;

    public WebhookClient(WebhookSettings settings, TimeProvider time)
    {
        (_settings, _time) = (settings, time);
        _http = new(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            ActivityHeadersPropagator = null,
            MaxResponseHeadersLength = MaxHeadersKiB,
            PooledConnectionLifetime = ConnectionLifetime,
            ConnectCallback = Connect,
        })
        {
            Timeout = System.Threading.Timeout.InfiniteTimeSpan,
        };
    }

    public async Task<AttemptOutcome> Send(TakenDelivery delivery)
    {
        var since = _time.GetTimestamp();
        var timestamp = _time.GetUtcNow().ToUnixTimeSeconds();
        using var timeout = new CancellationTokenSource(Timeout, _time);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, delivery.Url) { Content = new StringContent(delivery.Body, Encoding.UTF8, "application/json") };
            request.Headers.Add("User-Agent", "OpsPlatform-Webhooks/1");
            request.Headers.Add("webhook-id", delivery.Id.ToString());
            request.Headers.Add("webhook-timestamp", $"{timestamp}");
            request.Headers.Add("webhook-signature", WebhookSecret.Sign(delivery.Secrets, delivery.Id.ToString(), timestamp, delivery.Body));
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, timeout.Token);
            var retryAfter = response.Headers.RetryAfter is { } after ? after.Delta ?? after.Date - _time.GetUtcNow() : null;
            return new((int)response.StatusCode, await Read(response.Content, timeout.Token), null, _time.GetElapsedTime(since), retryAfter);
        }
        catch (OperationCanceledException)
        {
            return new(null, null, $"No answer came within {Timeout.TotalSeconds} s.", _time.GetElapsedTime(since));
        }
        catch (HttpRequestException fault)
        {
            return new(null, null, fault.GetBaseException().Message, _time.GetElapsedTime(since));
        }
    }

    public void Dispose() => _http.Dispose();

    /// <summary>The status has said what became of it: a body that is too long or breaks off changes nothing.</summary>
    private static async Task<string> Read(HttpContent content, CancellationToken cancel)
    {
        var kept = new byte[KeptBytes];
        var buffer = new byte[4096];
        var read = 0;
        try
        {
            await using var body = await content.ReadAsStreamAsync(cancel);
            while (read < MaxAnswerBytes && await body.ReadAsync(buffer, cancel) is var some and > 0)
            {
                buffer.AsSpan(0, Math.Clamp(KeptBytes - read, 0, some)).CopyTo(kept.AsSpan(Math.Min(read, KeptBytes)));
                read += some;
            }
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException or OperationCanceledException)
        {
            // What came before is shown.
        }

        return Encoding.UTF8.GetString(kept, 0, Math.Min(read, KeptBytes)).Replace('\0', '\uFFFD');
    }

    private async ValueTask<Stream> Connect(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        var addresses = await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, cancel);
        if (!_settings.AllowInsecure && !addresses.All(WebhookTarget.IsPublic))
        {
            throw new HttpRequestException("The address of the host is not public.");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, context.DnsEndPoint.Port, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
