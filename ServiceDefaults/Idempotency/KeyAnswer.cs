using Microsoft.AspNetCore.Http;

namespace OpsPlatform.ServiceDefaults.Idempotency;

/// <summary>The answer to a request whose key says that its work is not to be done: the first one's, or why there is none.</summary>
public sealed class KeyAnswer : IResult
{
    private const string RetryAfterSeconds = "1";

    internal static readonly KeyAnswer InProgress = new(http =>
    {
        http.Response.Headers.RetryAfter = RetryAfterSeconds;
        return Refusals.InProgress().ExecuteAsync(http);
    });

    internal static readonly KeyAnswer KeyReused = new(http => Refusals.KeyReused().ExecuteAsync(http));

    private readonly Func<HttpContext, Task> _execute;

    private KeyAnswer(Func<HttpContext, Task> execute) => _execute = execute;

    public Task ExecuteAsync(HttpContext httpContext) => _execute(httpContext);

    internal static KeyAnswer Of(KeptAnswer kept) => new(kept.Replay);
}
