using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>Asks the service that worked on an operation, with the caller's own token, so that it judges by itself what the caller may do.</summary>
internal sealed class WorkingService(IConfiguration configuration) : IDisposable
{
    private const int MaxAnswerBytes = 1024 * 1024;
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan ConnectionsKeptFor = TimeSpan.FromMinutes(2);

    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = ConnectionsKeptFor })
    {
        Timeout = AnswerWithin,
        MaxResponseContentBufferSize = MaxAnswerBytes,
    };

    /// <returns>What the service answers, or its refusal as it is; neither when it knows nothing of the operation.</returns>
    /// <exception cref="ServiceAwayException">It could not be reached, or gave no answer that can be read.</exception>
    public async Task<(T? Answer, ProblemDetails? Refusal)> Ask<T>(HttpMethod method, Operation row, HttpContext http, CancellationToken cancel)
        where T : class
    {
        if (!Uri.TryCreate(configuration[$"services:{row.Service}:http:0"], UriKind.Absolute, out var address))
        {
            throw new ServiceAwayException(row.Service, $"Set services__{row.Service}__http__0: where the {row.Service} service is.");
        }

        using var request = new HttpRequestMessage(method, new Uri(address, $"/{row.Service}/operations/{row.Id}/undo"));
        request.Headers.TryAddWithoutValidation("Authorization", http.Request.Headers.Authorization.ToString());
        request.Headers.TryAddWithoutValidation("X-Correlation-Id", http.Response.Headers["X-Correlation-Id"].ToString());
        try
        {
            using var answer = await _http.SendAsync(request, cancel);
            if (answer.IsSuccessStatusCode)
            {
                return (await answer.Content.ReadFromJsonAsync<T>(Json.Options, cancel), null);
            }

            if (answer.StatusCode == HttpStatusCode.NotFound)
            {
                return default;
            }

            // What a caller can do nothing about is not passed on as theirs.
            return answer.StatusCode is >= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError
                ? (null, await answer.Content.ReadFromJsonAsync<ProblemDetails>(cancel))
                : throw new ServiceAwayException(row.Service, $"The {row.Service} service answered {(int)answer.StatusCode}.");
        }
        catch (Exception fault) when (fault is HttpRequestException or JsonException || (fault is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            throw new ServiceAwayException(row.Service, $"The {row.Service} service gave no answer: {fault.Message}", fault);
        }
    }

    public void Dispose() => _http.Dispose();
}
