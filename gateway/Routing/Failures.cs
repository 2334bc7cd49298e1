using System.Globalization;
using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.ServiceDefaults.Http;
using Yarp.ReverseProxy.Forwarder;

namespace OpsPlatform.Gateway.Routing;

/// <summary>What a caller hears when a service does not answer: always a problem, with Retry-After when trying again makes sense.</summary>
internal static class Failures
{
    private const int RetryAfterSeconds = 2;

    public static void UseFailureProblems(this IReverseProxyApplicationBuilder proxy) => proxy.Use(async (context, next) =>
    {
        await next(context);

        if (context.GetForwarderErrorFeature() is not { } failure || context.Response.HasStarted)
        {
            return;
        }

        var stopping = context.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        var problem = ProblemFor(failure, stopping.IsCancellationRequested);

        context.Response.Clear();

        if (problem.StatusCode >= StatusCodes.Status500InternalServerError)
        {
            context.Response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        }

        await problem.ExecuteAsync(context);
    });

    /// <summary>
    /// A connection that could not be made was heard by nobody, and what an instance did not take it did not do: the request may go to the
    /// next instance, whatever its method. One that broke before an answer may have been heard: only what changes nothing is asked again.
    /// </summary>
    public static void UseNextInstance(this IReverseProxyApplicationBuilder proxy) => proxy.Use(async (context, next) =>
    {
        var feature = context.GetReverseProxyFeature();
        var untried = feature.AvailableDestinations.ToList();
        var leftOut = feature.AllDestinations.Except(untried).ToList();
        var mayAskAgain = true;
        UntakenRequests.KeepBody(context.Request);

        await next(context);

        while (feature.ProxiedDestination is { } failed && context.GetForwarderErrorFeature() is { } failure)
        {
            untried.Remove(failed);
            leftOut.Remove(failed);

            if (untried.Count == 0)
            {
                // Those left out may be back, and nobody else is there to ask.
                (untried, leftOut) = (leftOut, []);
            }

            if (IsBrokenBeforeAnAnswer(failure, context) && mayAskAgain)
            {
                mayAskAgain = false;

                // Behind one address may be several instances.
                if (untried.Count == 0)
                {
                    untried.Add(failed);
                }
            }
            else if (!IsUnreachable(failure) || (failure.IsUntaken() && !UntakenRequests.CanBeSentAgain(context.Request)))
            {
                return;
            }

            if (untried.Count == 0)
            {
                return;
            }

            context.Features.Set<IForwarderErrorFeature>(null);
            context.Response.Clear();
            feature.AvailableDestinations = [.. untried];
            feature.ProxiedDestination = null;

            await next(context);
        }
    });

    public static bool IsUnreachable(IForwarderErrorFeature? failure) => failure.IsUntaken()
        || failure is { Error: ForwarderError.Request, Exception: HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError } };

    private static bool IsBrokenBeforeAnAnswer(IForwarderErrorFeature failure, HttpContext context) =>
        failure.Error == ForwarderError.Request && !IsUnreachable(failure) && !context.Response.HasStarted
        && (HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method))
        && !context.RequestAborted.IsCancellationRequested;

    private static ProblemHttpResult ProblemFor(IForwarderErrorFeature failure, bool stopping) => failure switch
    {
        _ when stopping => Problems.Stopping,
        _ when BodyLimit.IsExceededIn(failure.Exception) => BodyLimit.Problem,
        { Error: ForwarderError.NoAvailableDestinations } => Problems.Unreachable,
        _ when IsUnreachable(failure) => Problems.Unreachable,
        { Error: ForwarderError.RequestTimedOut } => Problems.TimedOut,
        { Error: ForwarderError.RequestBodyClient or ForwarderError.RequestBodyCanceled or ForwarderError.RequestCanceled } => Problems.BodyNotRead,
        _ => Problems.Broken,
    };
}
