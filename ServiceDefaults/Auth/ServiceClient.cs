using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Auth;

/// <summary>A neighbour could not be reached, did not answer in time, or said that it cannot; answered as 503.</summary>
/// <param name="service">Told to whoever asked; the message, which may hold an address, is not.</param>
public sealed class ServiceAwayException(string service, string message, Exception? inner = null) : Exception(message, inner)
{
    public string Service => service;
}

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
    /// <exception cref="ServiceAwayException">No instance, or not the identity service, could be reached in time; or it answered 502, 503 or 504.</exception>
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

                if (response.StatusCode is HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout)
                {
                    using (response)
                    {
                        throw new ServiceAwayException(service, $"The {service} service answered {(int)response.StatusCode} to {method} {WithoutQuery(path)}.");
                    }
                }

                return response;
            }
            catch (HttpRequestException failure) when (failure.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError)
            {
                unreached = failure;
            }
            catch (HttpRequestException failure)
            {
                throw new ServiceAwayException(service, $"The {service} service did not give a whole answer: {failure.Message}", failure);
            }
            catch (OperationCanceledException failure) when (!cancel.IsCancellationRequested)
            {
                throw new ServiceAwayException(service, $"The {service} service did not answer within {HeadersWithin.TotalSeconds} s.", failure);
            }
            finally
            {
                // The caller's, and needed again for the next instance.
                request.Content = null;
            }
        }

        throw new ServiceAwayException(service, $"The {service} service is not reachable: {unreached?.Message}", unreached);
    }

    /// <returns>The answer to a GET, read as this platform writes JSON.</returns>
    /// <exception cref="HttpRequestException">The neighbour refused; StatusCode says how.</exception>
    /// <inheritdoc cref="Send"/>
    public Task<T> Get<T>(Caller caller, string service, string path, CancellationToken cancel) => Get<T>(caller, service, path, Json.Options, WholeWithin, cancel);

    /// <param name="json">How the answer is read.</param>
    /// <param name="within">How long it may take, to its last byte.</param>
    /// <inheritdoc cref="Get{T}(Caller, string, string, CancellationToken)"/>
    public Task<T> Get<T>(Caller caller, string service, string path, JsonSerializerOptions json, TimeSpan within, CancellationToken cancel) =>
        Ask<T>(caller, service, HttpMethod.Get, path, null, json, within, cancel);

    /// <returns>The answer to a POST of this body, both as this platform writes JSON.</returns>
    /// <exception cref="HttpRequestException">The neighbour refused; StatusCode says how.</exception>
    /// <inheritdoc cref="Send"/>
    public async Task<T> Post<T>(Caller caller, string service, string path, object body, CancellationToken cancel)
    {
        using var content = JsonContent.Create(body, options: Json.Options);
        return await Ask<T>(caller, service, HttpMethod.Post, path, content, Json.Options, WholeWithin, cancel);
    }

    public void Dispose() => _http.Dispose();

    private static string WithoutQuery(string path) => path.Split('?')[0];

    private async Task<T> Ask<T>(
        Caller caller, string service, HttpMethod method, string path, HttpContent? content, JsonSerializerOptions json, TimeSpan within, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(within);
        try
        {
            using var response = await Send(caller, service, method, path, content, limit.Token);
            if (!response.IsSuccessStatusCode)
            {
                throw new HttpRequestException(
                    $"The {service} service answered {(int)response.StatusCode} to {method} {WithoutQuery(path)}.", null, response.StatusCode);
            }

            return await response.Content.ReadFromJsonAsync<T>(json, limit.Token)
                ?? throw new InvalidOperationException($"The {service} service answered null to {method} {WithoutQuery(path)}.");
        }
        catch (OperationCanceledException late) when (!cancel.IsCancellationRequested)
        {
            throw new ServiceAwayException(service, $"The {service} service did not answer within {within.TotalSeconds} s.", late);
        }
        catch (IOException broken)
        {
            throw new ServiceAwayException(service, $"The {service} service did not give a whole answer: {broken.Message}", broken);
        }
    }
}
