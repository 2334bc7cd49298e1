using System.ComponentModel.DataAnnotations;
using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>
/// Answers as soon as an operation is in another state than the version given tells, without one as soon as it has ended, and after
/// the given seconds (20 unless told) as it is then.
/// </summary>
internal static class WaitForOperation
{
    private const int DefaultSeconds = 20;

    internal sealed record WaitRequest(
        [FromQuery(Name = "version")][property: MaxLength(100)] string? Version,
        [FromQuery(Name = "seconds")][property: Range(0, 55)] int? Seconds);

    public static async Task<Results<Ok<OperationView>, NotFound, ProblemHttpResult>> Handle(
        Guid id, [AsParameters] WaitRequest request, ClaimsPrincipal user, HttpContext http, Caller caller, OperationReader reader, OperationWatch watches,
        TimeProvider time, IHostApplicationLifetime lifetime)
    {
        using var watch = watches.TryStart(caller.Org, id);
        if (watch is null)
        {
            return Problems.TooManyWaiters(http, OperationWatch.MostPerOrganisation);
        }

        var changes = watch.RowChanges;
        if (await reader.RowOnceKnown(id, http.RequestAborted) is not { } row)
        {
            return TypedResults.NotFound();
        }

        if (!Viewer.Of(user).Sees(row))
        {
            return Problems.NotYours();
        }

        var operation = new Followed(row, changes, watch, reader, time);
        var since = time.GetTimestamp();
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping);
        while (await operation.Read(http.RequestAborted) is { } now)
        {
            var left = TimeSpan.FromSeconds(request.Seconds ?? DefaultSeconds) - time.GetElapsedTime(since);
            if (now.CompletedAt is not null || (request.Version is not null && request.Version != now.Version) || left <= TimeSpan.Zero || ended.IsCancellationRequested)
            {
                return TypedResults.Ok(now);
            }

            await operation.Wait(left, ended.Token);
            http.RequestAborted.ThrowIfCancellationRequested();
        }

        return TypedResults.NotFound();
    }
}
