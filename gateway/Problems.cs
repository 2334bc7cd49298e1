using System.Globalization;
using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Gateway;

/// <summary>Every refusal the gateway itself can answer; all others are the services' own and pass unchanged.</summary>
internal static class Problems
{
    public static ProblemHttpResult NoSuchPath => Problem.Of(
        "no-such-path", StatusCodes.Status404NotFound, "Nothing answers here.", "GET / lists what the API offers.");

    public static ProblemHttpResult Unreachable => Problem.Of(
        "service-away", StatusCodes.Status503ServiceUnavailable, "The service is not reachable.",
        "It never heard this request: sending it again is safe.");

    public static ProblemHttpResult Stopping => Problem.Of(
        "gateway-stopping", StatusCodes.Status503ServiceUnavailable, "The gateway is restarting.", "Connect again.");

    public static ProblemHttpResult Broken => Problem.Of(
        "service-failed", StatusCodes.Status502BadGateway, "The service did not give a whole answer.",
        "It may have done its work: send it again with the same id.");

    public static ProblemHttpResult TimedOut => Problem.Of(
        "service-timeout", StatusCodes.Status504GatewayTimeout, "The service did not answer in time.",
        "It may still do its work: send it again with the same id.");

    public static ProblemHttpResult BodyNotRead => Problem.Of(
        "invalid-body", StatusCodes.Status400BadRequest, "The request body did not arrive whole.", "Send it again.");

    public static ProblemHttpResult ApiKeyInvalid => Problem.Of(
        "api-key-invalid", StatusCodes.Status401Unauthorized, "The API key is not valid.", "It is unknown or was copied wrongly.");

    public static ProblemHttpResult ApiKeysAway => Problem.Of(
        "service-away", StatusCodes.Status503ServiceUnavailable, "API keys cannot be checked.",
        "The identity service is away and this key was not seen within the last minute. Nothing was done: try again in a moment.");

    public static ProblemHttpResult TwoCredentials => Problem.Of(
        "two-credentials", StatusCodes.Status400BadRequest, "The request shows two credentials.", "Send either an API key or a bearer token.");

    public static ProblemHttpResult TooManyRequests(int retryAfterSeconds) => Problem.Of(
        "too-many-requests", StatusCodes.Status429TooManyRequests, "Too many requests.",
        string.Create(CultureInfo.InvariantCulture, $"Wait {retryAfterSeconds} s."), ("retryAfterSeconds", retryAfterSeconds));
}
