using System.Net;
using System.Net.Sockets;

namespace OpsPlatform.Registry.Instances;

/// <summary>
/// Asks an instance's /health at the address it gave. The address is another's word: no redirect is followed, no body is
/// read, nothing waits for long, and a name that leads to a forbidden address is not called.
/// </summary>
internal sealed class Probe : IDisposable
{
    private const int MaxAtOnce = 16;
    private const int MaxHeaderKilobytes = 8;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _turns = new(MaxAtOnce);
    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        ActivityHeadersPropagator = null,
        MaxResponseHeadersLength = MaxHeaderKilobytes,
        MaxResponseDrainSize = 0,
        // Every probe asks whether a connection can be made, not whether one still stands.
        PooledConnectionLifetime = TimeSpan.Zero,
        ConnectCallback = Connect,
    });

    /// <returns>Null when requests may go there, else why not.</returns>
    public async Task<string?> Failure(string address, CancellationToken cancel)
    {
        await _turns.WaitAsync(cancel);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timeout.CancelAfter(Timeout);
        try
        {
            using var answer = await _http.GetAsync(new Uri(new Uri(address), "/health"), HttpCompletionOption.ResponseHeadersRead, timeout.Token);
            return answer.StatusCode is HttpStatusCode.OK ? null : $"/health answered {(int)answer.StatusCode}";
        }
        catch (HttpRequestException exception)
        {
            return exception.Message;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return $"/health did not answer within {Timeout.TotalSeconds:0} s";
        }
        finally
        {
            _turns.Release();
        }
    }

    public void Dispose()
    {
        _http.Dispose();
        _turns.Dispose();
    }

    private static async ValueTask<Stream> Connect(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        var addresses = await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, cancel);
        if (addresses.Length == 0 || addresses.Any(ServiceDefaults.Registry.InstanceAddress.IsForbidden))
        {
            throw new HttpRequestException($"{context.DnsEndPoint.Host} leads to an address that is no instance's own");
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
