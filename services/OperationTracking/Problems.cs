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

    public static ProblemHttpResult TooManyWaiters(HttpContext http, int most)
    {
        http.Response.Headers.RetryAfter = $"{WaitersRetryAfterSeconds}";
        return Problem.Of(
            "too-many-waiters", StatusCodes.Status429TooManyRequests, "Too many requests wait for operations.",
            $"An organisation has {most} that wait or stream at a time. Come again after Retry-After, or read GET /operations/{{id}} from time to time.");
    }

    public static ProblemHttpResult TooManyAlertRules(int most) => Problem.Of(
        "too-many-alert-rules", StatusCodes.Status409Conflict, "The organisation has all the alert rules it may have.", $"Delete one of the {most}, or change it by PUT.");

    public static ProblemHttpResult TooManyWebhooks(int most) => Problem.Of(
        "too-many-webhooks", StatusCodes.Status409Conflict, "The organisation has all the webhooks it may have.", $"Delete one of the {most}, or change it by PUT.");

    public static ProblemHttpResult TooManySecrets(int most) => Problem.Of(
        "too-many-secrets", StatusCodes.Status409Conflict, "Too many secrets sign for the webhook.",
        $"At most {most} sign at a time, each for 24 hours after it was replaced. Rotate again tomorrow, or add another webhook.");

    public static ProblemHttpResult BadWebhookUrl(string reason) => Problem.Of(
        "bad-webhook-url", StatusCodes.Status400BadRequest, "Nothing can be sent to this URL.", $"{reason} Give an https URL that everybody can reach, such as https://example.com/hooks.");

    public static ProblemHttpResult WebhookDisabled() => Problem.Of(
        "webhook-disabled", StatusCodes.Status409Conflict, "The webhook is disabled.", "Enable it by PUT first; GET says why it was disabled.");
}
