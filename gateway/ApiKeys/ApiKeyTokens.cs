using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.Gateway.Routing;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Gateway.ApiKeys;

/// <summary>
/// Trades keys for tokens at the identity service and keeps the answers: a token for a minute, so that a revoked key is refused
/// within one, a refusal for ten seconds. One asks per key however many wait; while the service is away what is kept goes on.
/// </summary>
internal sealed partial class ApiKeyTokens(IConfiguration configuration, Destinations destinations, TimeProvider time, ILogger<ApiKeyTokens> log) : IDisposable
{
    public static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(60);

    /// <summary>Of tokens, and as many refusals beside them: guesses push no good key out.</summary>
    private const int MaxKept = 10_000;

    private const int MaxKeyChars = 128;
    private const string KeyStart = "ops_";
    private const string RefusalTypes = "https://opsplatform.dev/problems/api-key";

    private static readonly TimeSpan RefusalKeptFor = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ConnectWithin = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan ConnectionsKeptFor = TimeSpan.FromMinutes(2);

    private readonly HttpClient http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        ConnectTimeout = ConnectWithin,
        PooledConnectionLifetime = ConnectionsKeptFor,
    })
    { Timeout = AnswerWithin };

    private readonly Lock gate = new();
    private readonly KeptAnswers tokens = new(MaxKept, KeptFor);
    private readonly KeptAnswers refusals = new(MaxKept, RefusalKeptFor);
    private readonly Dictionary<string, Task<(string? Token, ProblemHttpResult? Refusal)>> asking = [];

    /// <returns>A token, or why there is none.</returns>
    public Task<(string? Token, ProblemHttpResult? Refusal)> Get(string key, HttpContext context, CancellationToken cancel)
    {
        if (!HasShape(key))
        {
            return Task.FromResult<(string?, ProblemHttpResult?)>((null, Problems.ApiKeyInvalid));
        }

        var hash = HashOf(key);

        lock (gate)
        {
            if (Find(hash) is { } known)
            {
                return Task.FromResult(known);
            }

            if (!asking.TryGetValue(hash, out var question))
            {
                var address = context.Connection.RemoteIpAddress?.ToString();
                var userAgent = context.Request.Headers.UserAgent.ToString();
                // Whoever asked first may go; the others still wait for the answer.
                asking[hash] = question = Task.Run(() => AskAndKeep(hash, key, address, userAgent), CancellationToken.None);
            }

            return question.WaitAsync(cancel);
        }
    }

    /// <summary>An answer is at hand, or none is needed.</summary>
    public bool Knows(string key)
    {
        if (!HasShape(key))
        {
            return true;
        }

        lock (gate)
        {
            return Find(HashOf(key)) is not null;
        }
    }

    public void Dispose() => http.Dispose();

    private static bool HasShape(string key) => key.Length is > 4 and <= MaxKeyChars && key.StartsWith(KeyStart, StringComparison.Ordinal);

    /// <summary>Keys themselves are not kept, not even here.</summary>
    private static string HashOf(string key) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(key)));

    private (string? Token, ProblemHttpResult? Refusal)? Find(string hash) => tokens.Find(hash, time.GetUtcNow()) ?? refusals.Find(hash, time.GetUtcNow());

    private async Task<(string? Token, ProblemHttpResult? Refusal)> AskAndKeep(string hash, string key, string? address, string userAgent)
    {
        try
        {
            var (token, refusal) = await Ask(key, address, userAgent);

            if (refusal?.StatusCode != StatusCodes.Status503ServiceUnavailable)
            {
                lock (gate)
                {
                    (token is null ? refusals : tokens).Keep(hash, token, refusal, time.GetUtcNow());
                }
            }

            return (token, refusal);
        }
        finally
        {
            lock (gate)
            {
                asking.Remove(hash);
            }
        }
    }

    private async Task<(string? Token, ProblemHttpResult? Refusal)> Ask(string key, string? address, string userAgent)
    {
        var proof = ClientSecrets.Basic("gateway", configuration["Client:Secret"] ?? "");

        foreach (var instance in destinations.AddressesOf("identity"))
        {
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(new Uri(instance), "/identity/api-keys/exchange"))
                {
                    Content = JsonContent.Create(new { key, address, userAgent }),
                };
                request.Headers.Authorization = proof;
                using var response = await http.SendAsync(request);
                var answer = JsonSerializer.Deserialize<Answer>(await response.Content.ReadAsByteArrayAsync(), JsonSerializerOptions.Web)
                    ?? throw new JsonException("The answer is empty.");

                switch (response.StatusCode, answer)
                {
                    case (HttpStatusCode.OK, { AccessToken: { } token }):
                        return (token, null);
                    case (HttpStatusCode.BadRequest, _):
                        return (null, Problems.ApiKeyInvalid);
                    case (HttpStatusCode.Unauthorized, { Type: { } type, Title: { } title }) when type.StartsWith(RefusalTypes, StringComparison.Ordinal):
                        return (null, Problem.Of(type[Problem.Type("").Length..], StatusCodes.Status401Unauthorized, title, answer.Detail));
                }

                LogFailed(instance, $"{(int)response.StatusCode} {answer.Type}");
            }
            catch (Exception failure) when (failure is HttpRequestException or OperationCanceledException or JsonException)
            {
                LogFailed(instance, failure.Message);
            }
        }

        return (null, Problems.ApiKeysAway);
    }

    /// <summary>A token, or a problem.</summary>
    private sealed record Answer(string? AccessToken, string? Type, string? Title, string? Detail);

    [LoggerMessage(LogLevel.Warning, "The identity service at {Instance} exchanged no API key: {Reason}")]
    private partial void LogFailed(string instance, string reason);
}
