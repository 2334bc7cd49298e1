using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.OperationTracking.Approvals;
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
}
