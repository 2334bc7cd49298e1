using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.ServiceDefaults.Idempotency;

internal static class Refusals
{
    public static ProblemHttpResult BadKey() => Problem.Of(
        "idempotency-key-invalid", 400, "The Idempotency-Key cannot be used.",
        $"Send it once, with 1 to {IdempotencyKey.MaxChars} printable ASCII characters, quoted (\"a-key\") or bare; a new random UUID for every new request does well.");

    public static ProblemHttpResult NoOrganisation() => Problem.Of(
        "idempotency-key-invalid", 400, "Keys are kept per organisation.", "The caller acts for none. Send the request without an Idempotency-Key.");

    public static ProblemHttpResult InProgress() => Problem.Of(
        "idempotency-in-progress", 409, "The first request with this key is still at work.", "Send the same again in a second: it is then answered as the first one was.");

    public static ProblemHttpResult KeyReused() => Problem.Of(
        "idempotency-key-reused", 422, "The key belongs to another request.",
        "Within 24 hours it was sent here with another path, query or body. Use a new key for a new request, and for a repeat send exactly the same bytes.");

    public static ProblemHttpResult NotKept(int status, string? location) => Problem.Of(
        "idempotency-answer-not-kept", 409, "The request was done; its answer was too large to keep.",
        $"It was answered {status} and is not done again. Read what it made with GET.", ("status", status), ("location", location));
}
