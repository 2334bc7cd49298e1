using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Primitives;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Idempotency;

/// <summary>
/// A POST with an Idempotency-Key is done once: its work and its answer are one transaction under the key's lock, and a repeat
/// within 24 hours gets the kept answer. Without the header a request passes through untouched.
/// </summary>
internal sealed class IdempotencyMiddleware(RequestDelegate next)
{
    private const int RetryAfterSeconds = 1;
    private const int BufferedBytes = 1024 * 1024;

    public Task Invoke(HttpContext http) =>
        http.Request.Headers.TryGetValue(IdempotencyKey.Header, out var header)
        && HttpMethods.IsPost(http.Request.Method)
        && http.GetEndpoint() is RouteEndpoint endpoint
        && IdempotencyKey.IsTakenBy(endpoint.Metadata)
            ? Once(http, endpoint, header)
            : next(http);

    private async Task Once(HttpContext http, RouteEndpoint endpoint, StringValues header)
    {
        if (IdempotencyKey.Read(header) is not { } key)
        {
            await Refusals.BadKey().ExecuteAsync(http);
            return;
        }

        var caller = http.RequestServices.GetRequiredService<Caller>();
        if (caller is not { OrgId: { } org, Actor: { } actor })
        {
            await Refusals.NoOrganisation().ExecuteAsync(http);
            return;
        }

        var cancel = http.RequestAborted;
        var fingerprint = await Fingerprint(http.Request, cancel);
        var table = new AnswerTable(org, actor, endpoint.RoutePattern.RawText ?? "", key);
        var db = http.RequestServices.GetRequiredService<ServiceDb>();
        await using var whole = await RequestTransaction.Begin(db, cancel);
        var (isTaken, keptFor, kept) = await table.Take(whole, cancel);
        if (isTaken && kept is null)
        {
            await http.RequestServices.GetRequiredService<KeyedRequest>().Run(http, whole, table, fingerprint, next);
            return;
        }

        // A reader that takes its time must not hold a connection, nor the key.
        await whole.DisposeAsync();
        if (!isTaken)
        {
            http.Response.Headers.RetryAfter = RetryAfterSeconds.ToString();
            await Refusals.InProgress().ExecuteAsync(http);
        }
        else if (!keptFor.AsSpan().SequenceEqual(fingerprint))
        {
            await Refusals.KeyReused().ExecuteAsync(http);
        }
        else
        {
            await kept!.Replay(http);
        }
    }

    /// <summary>Tells the same request from another one by path, query and the body's bytes.</summary>
    private static async Task<byte[]> Fingerprint(HttpRequest request, CancellationToken cancel)
    {
        request.EnableBuffering(BufferedBytes);
        var body = await SHA256.HashDataAsync(request.Body, cancel);
        request.Body.Position = 0;
        return SHA256.HashData([.. Encoding.UTF8.GetBytes($"{request.Path}{request.QueryString}\n"), .. body]);
    }
}
