using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using Microsoft.Extensions.Configuration;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Auth;

/// <summary>A neighbour could not be reached or did not answer in time; answered as 503.</summary>
public sealed class ServiceAwayException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// Calls a neighbour as this service, with a token of its own: for the organisation that is acting, or for none.
/// The neighbour's endpoint admits it by <see cref="Roles.Service"/>.
/// </summary>
public sealed class ServiceClient(IConfiguration configuration, ServiceTokens tokens) : IDisposable
{
    private const long MaxBufferedBytes = 16 * 1024 * 1024;
    private static readonly TimeSpan HeadersWithin = TimeSpan.FromSeconds(30);

    /// <summary>The client's own timeout ends with the headers; a neighbour that stops in the middle of its answer must hold nobody up.</summary>
    private static readonly TimeSpan WholeWithin = TimeSpan.FromSeconds(60);

    private readonly HttpClient _http = new(ServiceTokens.Handler()) { Timeout = HeadersWithin, MaxResponseContentBufferSize = MaxBufferedBytes };

    /// <summary>Asks one instance after the other until one is reached. The answer's body is not read yet: dispose the answer, and give it a time limit of your own.</summary>
    /// <param name="caller">Whose organisation the neighbour works for, and whose correlation id it gets.</param>
    /// <param name="path">With query, such as /orders/export?from=2026-01-01.</param>
    /// <exception cref="ServiceAwayException">No instance, or not the identity service, could be reached in time.</exception>
    /// <exception cref="InvalidOperationException">This service has no secret or address to do it with; the message says what to set.</exception>
    public async Task<HttpResponseMessage> Send(
        Caller caller, string service, HttpMethod method, string path, HttpContent? content = null, CancellationToken cancel = default)
    {
        var addresses = ServiceTokens.AddressesOf(configuration, service);
        var token = await tokens.Get(caller.OrgId, cancel);
        Exception? unreached = null;
        foreach (var address in addresses)
        {
            using var request = new HttpRequestMessage(method, new Uri(address, path)) { Content = content };
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            request.Headers.Add("X-Correlation-Id", caller.CorrelationId.ToString());
            try
            {
                var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
                if (response.StatusCode == HttpStatusCode.Unauthorized)
                {
                    // Such as after the keys were replaced: the next call asks for another token.
                    tokens.Forget(caller.OrgId, token);
                }

                return response;
            }
            catch (HttpRequestException failure) when (failure.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError)
            {
                unreached = failure;
            }
            catch (HttpRequestException failure)
            {
                throw new ServiceAwayException($"The {service} service did not give a whole answer: {failure.Message}", failure);
            }
            catch (OperationCanceledException failure) when (!cancel.IsCancellationRequested)
            {
                throw new ServiceAwayException($"The {service} service did not answer within {HeadersWithin.TotalSeconds} s.", failure);
            }
            finally
            {
                // The caller's, and needed again for the next instance.
                request.Content = null;
            }
        }

        throw new ServiceAwayException($"The {service} service is not reachable: {unreached?.Message}", unreached);
    }

    /// <returns>The answer to a GET, read as this platform writes JSON.</returns>
    /// <exception cref="HttpRequestException">The neighbour refused; StatusCode says how.</exception>
    /// <inheritdoc cref="Send"/>
    public Task<T> Get<T>(Caller caller, string service, string path, CancellationToken cancel) => Ask<T>(caller, service, HttpMethod.Get, path, null, cancel);

    /// <returns>The answer to a POST of this body, both as this platform writes JSON.</returns>
    /// <exception cref="HttpRequestException">The neighbour refused; StatusCode says how.</exception>
    /// <inheritdoc cref="Send"/>
    public async Task<T> Post<T>(Caller caller, string service, string path, object body, CancellationToken cancel)
    {
        using var content = JsonContent.Create(body, options: Json.Options);
        return await Ask<T>(caller, service, HttpMethod.Post, path, content, cancel);
    }

    public void Dispose() => _http.Dispose();

    private async Task<T> Ask<T>(Caller caller, string service, HttpMethod method, string path, HttpContent? content, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(WholeWithin);
        try
        {
            using var response = await Send(caller, service, method, path, content, limit.Token);
            response.EnsureSuccessStatusCode();
            return await response.Content.ReadFromJsonAsync<T>(Json.Options, limit.Token)
                ?? throw new InvalidOperationException($"The {service} service answered null to {method} {path}.");
        }
        catch (OperationCanceledException late) when (!cancel.IsCancellationRequested)
        {
            throw new ServiceAwayException($"The {service} service did not answer within {WholeWithin.TotalSeconds} s.", late);
        }
        catch (IOException broken)
        {
            throw new ServiceAwayException($"The {service} service did not give a whole answer: {broken.Message}", broken);
        }
    }
}
