using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.OperationTracking.Approvals;
using OpsPlatform.OperationTracking.Metadata;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking;

/// <summary>Every refusal this service can answer.</summary>
internal static class Problems
{
    private const int WaitersRetryAfterSeconds = 2;
    private const int OpenRetryAfterSeconds = 60;

    public static ProblemHttpResult NotYours() => Problem.Of(
        "not-yours", StatusCodes.Status403Forbidden, "The operation is somebody else's.", "Its user sees and cancels it, and so do admins and owners of the organisation.");

    public static ProblemHttpResult NoSuchOperation(Guid id) => Problem.Of(
        "not-found", StatusCodes.Status404NotFound, "There is no such operation.", $"Nothing was heard of operation {id}.");

    public static ProblemHttpResult OperationOver(OperationView operation, string detail) => Problem.Of(
        "operation-over", StatusCodes.Status409Conflict, "The operation has ended.", detail, ("operation", operation));

    public static ProblemHttpResult PastPointOfNoReturn(OperationView operation) => Problem.Of(
        "past-point-of-no-return", StatusCodes.Status409Conflict, "It is too late to cancel the operation.",
        $"{OperationMoves.PastReturn} {(operation.Undo is null ? "Nothing undoes it." : $"Once it has ended, POST /operations/{operation.OperationId}/undo.")}", ("operation", operation));

    public static ProblemHttpResult NotUndoable(string why) => Problem.Of("not-undoable", StatusCodes.Status409Conflict, "The operation cannot be undone.", why);

    public static ProblemHttpResult AlreadyUndone(Guid undo) => Problem.Of(
        "already-undone", StatusCodes.Status409Conflict, "The operation is undone already.", "See what came of that operation.", ("operation", $"/operations/{undo}"));

    public static ProblemHttpResult OperationRunning(OperationView operation) => Problem.Of(
        "operation-running", StatusCodes.Status409Conflict, "The operation has not ended.", "Undo it once it has, or cancel it first.", ("operation", operation));

    public static ProblemHttpResult OperationExists(Guid id) => Problem.Of(
        "operation-exists", StatusCodes.Status409Conflict, "The id is another operation's.",
        $"{id} is there already and was asked for otherwise. Choose another operationId, or leave it out.");

    public static ProblemHttpResult NotPosted(string service) => Problem.Of(
        "not-posted", StatusCodes.Status409Conflict, "A service works on the operation.", $"It was started by {service}, which begins, reports and ends it.");

    public static ProblemHttpResult RollsUp() => Problem.Of(
        "rolls-up", StatusCodes.Status409Conflict, "Nobody works on a batch.", "Its children are begun, reported and ended; the batch is as far as they are. POST /operations/{id}/close when it has all of them.");

    public static ProblemHttpResult NoBatch() => Problem.Of(
        "no-batch", StatusCodes.Status409Conflict, "The operation is no batch.", "Only one that was started with rollsUp is closed.");

    public static ProblemHttpResult NoSuchParent(Guid id) => Problem.Of(
        "no-such-parent", StatusCodes.Status404NotFound, "There is no such parent.", $"Nothing was heard of operation {id}: post it first, or leave parentId out.");

    public static ProblemHttpResult ParentClosed(OperationView parent) => Problem.Of(
        "parent-closed", StatusCodes.Status409Conflict, "The parent takes no more children.", "It has ended, is being cancelled or was closed. Post another batch, or leave parentId out.", ("parent", parent));

    public static ProblemHttpResult TooDeep(int most) => Problem.Of(
        "too-deep", StatusCodes.Status409Conflict, "Operations are too many levels deep.", $"At most {most} operations are within each other. Choose a parent further up.");

    public static ProblemHttpResult NotApproved() => Problem.Of(
        "not-approved", StatusCodes.Status409Conflict, "Those who have to agree have not yet.", "Begin it once its status is approved.");

    public static ProblemHttpResult LeaseHeld(OperationView operation) => Problem.Of(
        "lease-held", StatusCodes.Status409Conflict, "The operation has been begun and is under way.",
        "Whoever began it may begin again with force: true; the attempt under way can then report and end nothing any more.", ("operation", operation));

    public static ProblemHttpResult LeaseLost(OperationView operation) => Problem.Of(
        "lease-lost", StatusCodes.Status409Conflict, "The attempt is over.",
        "It has ended, was not heard of for too long, or another one was begun: stop working on it.", ("operation", operation));

    public static ProblemHttpResult NoSuchStep(int steps) => Problem.Of(
        "no-such-step", StatusCodes.Status400BadRequest, "The operation has no such step.", $"step is from 1 to {steps}.");

    public static ProblemHttpResult NotRetryable(OperationView operation) => Problem.Of(
        "not-retryable", StatusCodes.Status409Conflict, "The operation cannot be tried again.", "Only what failed or timed out is, and what a service works on only for six days after that.", ("operation", operation));

    public static ProblemHttpResult MetadataTooLarge() => Problem.Of(
        "metadata-too-large", StatusCodes.Status413PayloadTooLarge, "The operation's metadata would be too large.",
        $"It has at most {MetadataKeeper.MaxBytes} bytes in all, as PostgreSQL writes it. Take members away by null, or keep it elsewhere and say where.");

    public static ProblemHttpResult TooManyFound(int most) => Problem.Of(
        "too-many-found", StatusCodes.Status422UnprocessableEntity, "The filter finds too many operations.", $"At most {most} are done together: narrow the filter, by queuedBefore for instance.");

    public static ProblemHttpResult TooManyOperations(HttpContext http, int most)
    {
        http.Response.Headers.RetryAfter = $"{OpenRetryAfterSeconds}";
        return Problem.Of(
            "too-many-operations", StatusCodes.Status429TooManyRequests, "Too many posted operations are open.",
            $"An organisation has {most} at a time that have not ended. End or cancel some; limits such as startWithinSeconds end forgotten ones.");
    }

    public static ProblemHttpResult FeedReset() => Problem.Of(
        "feed-reset", StatusCodes.Status410Gone, "Too much has happened since that position.", "Begin without a position: it tells what is under way. What has ended is in GET /operations.");

    public static ProblemHttpResult NoApproval() => Problem.Of(
        "no-approval", StatusCodes.Status404NotFound, "Nobody has to agree to the operation.", "It was started without a plan, and goes on by itself.");

    public static ProblemHttpResult MayNotVote(string why) => Problem.Of("may-not-vote", StatusCodes.Status403Forbidden, "You may not vote on this operation.", why);

    public static ProblemHttpResult AlreadyDecided(string how) => Problem.Of(
        "already-decided", StatusCodes.Status409Conflict, "No more votes are taken.", $"{how} GET /operations/{{id}}/approval shows what came of it.");

    public static ProblemHttpResult PlanChanged(string digest, IReadOnlyList<EffectChange>? changes) => Problem.Of(
        "plan-changed", StatusCodes.Status409Conflict, "The operation would now do something else.",
        "Read the plan as it is now, at GET /operations/{id}/approval, and vote with its digest.", ("digest", digest), ("changes", changes));

    public static ProblemHttpResult TooManyVotes(int most) => Problem.Of(
        "too-many-votes", StatusCodes.Status409Conflict, "You have changed your vote too often.", $"{most} votes on a plan are the most. The last one counts.");

    /// <param name="lacking">The groups, and how many members may vote in each.</param>
    public static ProblemHttpResult PolicyUnsatisfiable(IReadOnlyList<(GroupTally Group, int Members)> lacking) => Problem.Of(
        "policy-unsatisfiable", StatusCodes.Status422UnprocessableEntity, "The organisation has too few members who could agree.",
        string.Join(" ", lacking.Select(x => Tally.Lack(x.Group, x.Members))),
        ("groups", lacking.Select(x => new { x.Group.Name, x.Group.Needed, x.Members, Lacking = x.Group.Needed - x.Members }).ToArray()));

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
