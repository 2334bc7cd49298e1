using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Primitives;
using Npgsql;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Idempotency;

/// <summary>
/// A POST with an Idempotency-Key is done once: its work and its answer are one transaction under the key's lock, and a repeat
/// within 24 hours gets the kept answer. Without the header a request passes through untouched.
/// </summary>
internal sealed class IdempotencyMiddleware(RequestDelegate next)
{
    /// <summary>Longer bodies are buffered on disk.</summary>
    private const int MaxBufferedBytes = 1024 * 1024;

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
        var taken = new RequestKey(org, actor, endpoint.RoutePattern.RawText ?? "", key, await Fingerprint(http.Request, cancel));
        var keyed = http.RequestServices.GetRequiredService<KeyedRequest>();
        if (endpoint.Metadata.GetMetadata<KeyHeldByHandler>() is not null)
        {
            await keyed.Run(http, taken, null, next);
            return;
        }

        await using var whole = await RequestTransaction.Begin(http.RequestServices.GetRequiredService<ServiceDb>(), cancel);
        if (await Take(whole, taken, cancel) is not { } answer)
        {
            await keyed.Run(http, taken, whole, next);
            return;
        }

        // A reader that takes its time must not hold a connection, nor the key.
        await whole.DisposeAsync();
        await answer.ExecuteAsync(http);
    }

    private static async Task<KeyAnswer?> Take(RequestTransaction whole, RequestKey key, CancellationToken cancel)
    {
        await using var batch = new NpgsqlBatch(whole.Connection);
        AnswerTable.AddTake(batch, [key]);
        await using var row = await batch.ExecuteReaderAsync(cancel);
        return (await AnswerTable.ReadTaken(row, [key], cancel)).GetValueOrDefault(key);
    }

    /// <summary>Tells the same request from another one by path, query and the body's bytes.</summary>
    private static async Task<byte[]> Fingerprint(HttpRequest request, CancellationToken cancel)
    {
        // As much memory is taken at once.
        request.EnableBuffering((int)Math.Min(request.ContentLength ?? MaxBufferedBytes, MaxBufferedBytes));
        var body = await SHA256.HashDataAsync(request.Body, cancel);
        request.Body.Position = 0;
        return SHA256.HashData([.. Encoding.UTF8.GetBytes($"{request.Path}{request.QueryString}\n"), .. body]);
    }
}
