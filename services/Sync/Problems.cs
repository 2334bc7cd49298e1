using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Sync;

internal static class Problems
{
    private const int ResyncRetryAfterSeconds = 10;

    public static ProblemHttpResult FeedReset(long earliest) => Problem.Of(
        "feed-reset", StatusCodes.Status410Gone, "The feed does not reach back to this position.",
        "Load the lists again, then read on from the feed's head.", ("earliest", earliest));

    public static ProblemHttpResult TooManyStreams(SyncOptions limits) => Problem.Of(
        "too-many-streams", StatusCodes.Status429TooManyRequests, "Too many streams are open.",
        $"An organisation has {limits.StreamsPerOrganisation} at a time and a user {limits.StreamsPerUser}. Close one, or share one per browser tab.");

    public static ProblemHttpResult RealTimeOff() => Problem.Of(
        "realtime-off", StatusCodes.Status409Conflict, "Streams are switched off.",
        "This platform runs with SYNC_REALTIME=off. Read pages: GET /sync/feed?after=<last position>.");

    public static ProblemHttpResult NoSuchSource(string service) => Problem.Of(
        "no-such-service", StatusCodes.Status404NotFound, "No service of this name is synchronised.", $"'{service}' is not among those in GET /sync/health.");

    public static ProblemHttpResult ResyncRunning() => Problem.Of(
        "resync-running", StatusCodes.Status409Conflict, "A resync of this organisation is under way.", "Wait until it has answered; GET /sync/resyncs lists what it did.");

    public static ProblemHttpResult ResyncCancelled(Guid id) => Problem.Of(
        "resync-cancelled", StatusCodes.Status409Conflict, "Somebody cancelled the resync.", "What was repaired until then stays. Ask again to go on.", ("operationId", id));

    public static ProblemHttpResult TooManyResyncs(HttpContext http, int atOnce)
    {
        http.Response.Headers.RetryAfter = $"{ResyncRetryAfterSeconds}";
        return Problem.Of(
            "too-many-resyncs", StatusCodes.Status429TooManyRequests, "Too many resyncs are under way.",
            $"{atOnce} of other organisations are at work here, and none ended in time. Nothing was done: send the same again after Retry-After.");
    }
}
