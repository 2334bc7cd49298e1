using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.ServiceDefaults.Idempotency;

/// <summary>The request at hand, if it carries a key: its work and its answer are committed together.</summary>
public sealed partial class KeyedRequest(ServiceDatabase database, ILogger<KeyedRequest> log)
{
    private Work? _work;

    /// <summary>
    /// Commits the work done so far with this answer, which a repeat gets until the handler's own is known. For handlers that then
    /// wait for somebody else, who cannot see the work before. Does nothing when the request carries no key.
    /// </summary>
    public Task Keep(IResult answer) => _work is { } work ? work.KeepMeanwhile(answer) : Task.CompletedTask;

    internal async Task Run(HttpContext http, RequestTransaction whole, AnswerTable table, byte[] fingerprint, RequestDelegate next)
    {
        using var body = new MemoryStream();
        var outward = http.Response.Body;
        http.Response.Body = body;
        _work = new(http, whole, table, fingerprint, body);
        try
        {
            await next(http);
            await http.Response.BodyWriter.FlushAsync(CancellationToken.None);
            await Settle(http, _work);
        }
        finally
        {
            _work = null;
            http.Response.Body = outward;
        }

        if (body.Length > 0)
        {
            http.Response.ContentLength = body.Length;
            body.Position = 0;
            await body.CopyToAsync(outward, http.RequestAborted);
        }
    }

    private async Task Settle(HttpContext http, Work work)
    {
        var answer = KeptAnswer.Of(http.Response, work.Body);
        if (!work.IsKept)
        {
            await work.Commit(answer);
        }
        else if (answer.IsWorthKeeping && work.Differs(answer))
        {
            try
            {
                await work.Table.Correct(database.App, answer, CancellationToken.None);
            }
            catch (NpgsqlException fault)
            {
                // The answer given at the commit stays: it is true too, and says where to look.
                NotCorrected(http.Request.Path, fault.Message);
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "{Path} keeps its first answer for repeats: {Reason}")]
    private partial void NotCorrected(string path, string reason);

    private sealed class Work(HttpContext http, RequestTransaction whole, AnswerTable table, byte[] fingerprint, MemoryStream body)
    {
        private KeptAnswer? _kept;

        public AnswerTable Table => table;

        public MemoryStream Body => body;

        public bool IsKept => _kept is not null;

        public bool Differs(KeptAnswer answer) =>
            _kept!.Status != answer.Status || _kept.Body is null != answer.Body is null || !_kept.Body.AsSpan().SequenceEqual(answer.Body);

        public async Task KeepMeanwhile(IResult result)
        {
            if (IsKept)
            {
                return;
            }

            var headers = http.Response.Headers.ToArray();
            await result.ExecuteAsync(http);
            await http.Response.BodyWriter.FlushAsync(CancellationToken.None);
            await Commit(KeptAnswer.Of(http.Response, body));
            body.SetLength(0);
            http.Response.StatusCode = StatusCodes.Status200OK;
            http.Response.Headers.Clear();
            foreach (var (name, value) in headers)
            {
                http.Response.Headers[name] = value;
            }
        }

        public async Task Commit(KeptAnswer answer)
        {
            if (answer.Status >= StatusCodes.Status500InternalServerError)
            {
                // Undone with the transaction, so that the same key may be tried again.
                await whole.DisposeAsync();
                return;
            }

            try
            {
                // What is not kept may still have been done, by a part the handler committed before it refused.
                await whole.Commit(answer.IsWorthKeeping ? [table.Keep(fingerprint, answer)] : []);
                _kept = answer;
            }
            catch (PostgresException failed) when (failed.SqlState == PostgresErrorCodes.InFailedSqlTransaction && answer.Status >= StatusCodes.Status400BadRequest)
            {
                // The handler met a database error and refused because of it: nothing was done, so there is nothing to keep.
                await whole.DisposeAsync();
            }
        }
    }
}
