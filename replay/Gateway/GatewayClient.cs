using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace OpsPlatform.Replay.Gateway;

/// <summary>
/// Sends requests through the gateway until they are answered. Everything sent is safe to send again (reads, or
/// creations under ids of our own), so lost connections, 408, 429, 5xx and lost races are tried again with
/// growing pauses, or the server's Retry-After, until nothing at all has succeeded for the patience given.
/// </summary>
internal sealed class GatewayClient : IDisposable
{
    private static readonly TimeSpan AttemptTimeout = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan QuietBeforeSaying = TimeSpan.FromSeconds(5);

    public static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    private readonly HttpClient http;
    private readonly TimeProvider clock;
    private readonly TimeSpan patience;
    private readonly TextWriter output;
    private readonly Lock gate = new();
    private long lastSuccess;
    private long lastSaid;
    private int retries;

    public GatewayClient(Uri gateway, int parallel, TimeSpan patience, TimeProvider clock, TextWriter output)
    {
        this.clock = clock;
        this.patience = patience;
        this.output = output;
        lastSuccess = lastSaid = clock.GetTimestamp();
        http = new HttpClient(new SocketsHttpHandler
        {
            MaxConnectionsPerServer = parallel,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            ConnectTimeout = TimeSpan.FromSeconds(5),
            UseCookies = false,
            UseProxy = false,
        })
        {
            BaseAddress = gateway,
            Timeout = Timeout.InfiniteTimeSpan,
            DefaultRequestVersion = HttpVersion.Version11,
        };
        http.DefaultRequestHeaders.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
    }

    /// <summary>Asked for the token before each attempt; null sends none.</summary>
    public Session? Session { get; set; }

    /// <summary>How many attempts failed and were made again.</summary>
    public int Retries => retries;

    public async Task<T> Get<T>(string path, CancellationToken cancel)
    {
        var answer = await Send(HttpMethod.Get, path, null, cancel);

        return answer.IsSuccess ? answer.Read<T>() : throw answer.Failure();
    }

    /// <summary>The answer, whatever it is but one worth another attempt.</summary>
    public Task<Answer> Post(string path, object body, CancellationToken cancel) => Send(HttpMethod.Post, path, body, cancel);

    public void Dispose() => http.Dispose();

    /// <param name="anonymous">For signing in, which must not ask for a token.</param>
    /// <param name="headers">The same at every attempt, such as an Idempotency-Key.</param>
    public async Task<Answer> Send(
        HttpMethod method, string path, object? body, CancellationToken cancel, bool anonymous = false, IReadOnlyDictionary<string, string>? headers = null)
    {
        var json = body is null ? null : JsonSerializer.SerializeToUtf8Bytes(body, Json);
        var pause = FirstPause;
        var renewed = false;

        for (var attempt = 1; ; attempt++)
        {
            var token = anonymous || Session is null ? null : await Session.Token(cancel);
            var (answer, trouble, retryAfter) = await Attempt(method, path, json, token, headers, attempt, cancel);

            if (answer is { Status: HttpStatusCode.Unauthorized } && token is not null && !renewed)
            {
                renewed = true;
                Session!.Reject(token);
                continue;
            }

            if (trouble is null)
            {
                lastSuccess = clock.GetTimestamp();
                return answer!;
            }

            if (clock.GetElapsedTime(lastSuccess) >= patience)
            {
                throw new ServicesException(
                    $"Nothing succeeded for {patience.TotalSeconds:0} s; last: {method} {http.BaseAddress}{path}: {trouble}. "
                    + "Is the system up (./run status)? Running the replay again goes on where it stopped.");
            }

            Say(trouble);
            Interlocked.Increment(ref retries);
            await Task.Delay(retryAfter ?? pause * (0.5 + Random.Shared.NextDouble()), clock, cancel);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    private async Task<(Answer? Answer, string? Trouble, TimeSpan? RetryAfter)> Attempt(
        HttpMethod method, string path, byte[]? json, string? token, IReadOnlyDictionary<string, string>? headers, int attempt, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(method, path) { Version = HttpVersion.Version11 };
        request.Content = json is null ? null : new ByteArrayContent(json) { Headers = { ContentType = new("application/json") } };
        request.Headers.Authorization = token is null ? null : new("Bearer", token);
        foreach (var (name, value) in headers ?? new Dictionary<string, string>())
        {
            request.Headers.Add(name, value);
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(AttemptTimeout);

        try
        {
            using var response = await http.SendAsync(request, limit.Token);
            var answer = new Answer(method, path, response.StatusCode, await response.Content.ReadAsByteArrayAsync(limit.Token), attempt);

            return IsWorthAnotherAttempt(answer) ? (answer, answer.Describe(), RetryAfter(response)) : (answer, null, null);
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            return (null, error.InnerException?.Message ?? error.Message, null);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return (null, $"no answer within {AttemptTimeout.TotalSeconds:0} s", null);
        }
    }

    private static bool IsWorthAnotherAttempt(Answer answer) =>
        answer.Status is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout or >= HttpStatusCode.InternalServerError
        // Two attempts of ours met: the first answer was lost while its work went on.
        || answer is { Status: HttpStatusCode.Conflict, Slug: "conflict" or "idempotency-in-progress" };

    private TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        var asked = response.Headers.RetryAfter switch
        {
            { Delta: { } delta } => delta,
            { Date: { } date } => date - clock.GetUtcNow(),
            _ => (TimeSpan?)null,
        };

        return asked is null ? null : TimeSpan.FromTicks(Math.Clamp(asked.Value.Ticks, FirstPause.Ticks, LongestRetryAfter.Ticks));
    }

    private void Say(string trouble)
    {
        lock (gate)
        {
            if (clock.GetElapsedTime(lastSuccess) < QuietBeforeSaying || clock.GetElapsedTime(lastSaid) < QuietBeforeSaying)
            {
                return;
            }

            lastSaid = clock.GetTimestamp();
            output.WriteLine(
                $"Waiting for {http.BaseAddress}: {trouble}; giving up in {(patience - clock.GetElapsedTime(lastSuccess)).TotalSeconds:0} s.");
        }
    }
}
