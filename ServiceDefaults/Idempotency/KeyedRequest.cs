using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.ServiceDefaults.Idempotency;

/// <summary>The request at hand, if it carries a key: its work and its answer are committed together.</summary>
public sealed partial class KeyedRequest
{
    private readonly Corrections _corrections;
    private readonly ILogger<KeyedRequest> _log;
    private Work? _work;

    internal KeyedRequest(Corrections corrections, ILogger<KeyedRequest> log) => (_corrections, _log) = (corrections, log);

    /// <summary>For a handler that takes the key itself (<see cref="IdempotencyKey.HoldsIdempotencyKey"/>); null when the request carries none.</summary>
    public HeldKey? Held => _work is { Whole: null } work ? new(work) : null;

    /// <summary>
    /// Commits the work done so far with this answer, which a repeat gets until the handler's own is known. For handlers that then
    /// wait for somebody else, who cannot see the work before. Does nothing when the request carries no key.
    /// </summary>
    /// <exception cref="InvalidOperationException">The handler holds the key itself.</exception>
    public Task Keep(IResult answer) => _work is { } work ? work.KeepMeanwhile(answer) : Task.CompletedTask;

    /// <param name="whole">The transaction around the request; null when the handler takes the key itself.</param>
    internal async Task Run(HttpContext http, RequestKey key, RequestTransaction? whole, RequestDelegate next)
    {
        using var body = new MemoryStream();
        var outward = http.Response.Body;
        http.Response.Body = body;
        _work = new(http, key, whole, body);
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
        else if (http.RequestAborted.IsCancellationRequested)
        {
            // Writing may have stopped in the middle; the answer given at the commit is whole.
        }
        else if (answer.IsWorthKeeping && work.Differs(answer))
        {
            try
            {
                await _corrections.Put(work.Key, answer);
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

    internal sealed class Work(HttpContext http, RequestKey key, RequestTransaction? whole, MemoryStream body)
    {
        private KeptAnswer? _kept;

        public RequestKey Key => key;

        public RequestTransaction? Whole => whole;

        public MemoryStream Body => body;

        public bool IsKept => _kept is not null;

        public bool Differs(KeptAnswer answer) =>
            _kept!.Status != answer.Status || _kept.Body is null != answer.Body is null || !_kept.Body.AsSpan().SequenceEqual(answer.Body);

        public async Task KeepMeanwhile(IResult result)
        {
            if (whole is null)
            {
                throw new InvalidOperationException("The handler holds the key: it keeps the answer with the work.");
            }

            if (!IsKept)
            {
                await Commit(await Render(result));
            }
        }

        /// <summary>
        /// What the result would answer, whole though the caller may be gone, and in the request's own trace; the response is afterwards as
        /// it was.
        /// </summary>
        public async Task<KeptAnswer> Render(IResult result)
        {
            var headers = http.Response.Headers.ToArray();
            var aborted = http.RequestAborted;
            http.RequestAborted = CancellationToken.None;
            Activity.Current = http.Features.Get<IHttpActivityFeature>()?.Activity ?? Activity.Current;
            try
            {
                await result.ExecuteAsync(http);
                await http.Response.BodyWriter.FlushAsync(CancellationToken.None);
            }
            finally
            {
                http.RequestAborted = aborted;
            }

            var answer = KeptAnswer.Of(http.Response, body);
            body.SetLength(0);
            http.Response.StatusCode = StatusCodes.Status200OK;
            http.Response.Headers.Clear();
            foreach (var (name, value) in headers)
            {
                http.Response.Headers[name] = value;
            }

            return answer;
        }

        public void Kept(KeptAnswer answer) => _kept = answer;

        public async Task Commit(KeptAnswer answer)
        {
            if (whole is null)
            {
                return;
            }

            if (answer.Status >= StatusCodes.Status500InternalServerError)
            {
                // Undone with the transaction, so that the same key may be tried again.
                await whole.DisposeAsync();
                return;
            }

            try
            {
                // What is not kept may still have been done, by a part the handler committed before it refused.
                await whole.Commit(answer.IsWorthKeeping ? [AnswerTable.Keep([(key, answer)])] : []);
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
