using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking;

/// <summary>Every refusal this service can answer.</summary>
internal static class Problems
{
    private const int WaitersRetryAfterSeconds = 2;

    public static ProblemHttpResult NotYours() => Problem.Of(
        "not-yours", StatusCodes.Status403Forbidden, "The operation is somebody else's.", "Its user sees and cancels it, and so do admins and owners of the organisation.");

    public static ProblemHttpResult OperationOver(OperationView operation) => Problem.Of(
        "operation-over", StatusCodes.Status409Conflict, "The operation has ended.", "What has ended cannot be cancelled.", ("operation", operation));

    public static ProblemHttpResult FeedReset() => Problem.Of(
        "feed-reset", StatusCodes.Status410Gone, "Too much has happened since that position.", "Begin without a position: it tells what is under way. What has ended is in GET /operations.");

    public static ProblemHttpResult TooManyWaiters(HttpContext http, int most)
    {
        http.Response.Headers.RetryAfter = $"{WaitersRetryAfterSeconds}";
        return Problem.Of(
            "too-many-waiters", StatusCodes.Status429TooManyRequests, "Too many requests wait for operations.",
            $"An organisation has {most} that wait or stream at a time. Come again after Retry-After, or read GET /operations/{{id}} from time to time.");
    }
}
