using System.Security.Claims;
using Microsoft.AspNetCore.Mvc;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>
/// Sends an operation as server-sent events, first as it is and then each time it has changed; ends by itself after the event of the end.
/// With Last-Event-ID, an operation that is as the reader knows it is not sent first.
/// </summary>
internal static class StreamOperation
{
    public static async Task<IResult> Handle(
        Guid id, [FromHeader(Name = "Last-Event-ID")] string? lastEventId, ClaimsPrincipal user, HttpContext http, Caller caller, OperationReader reader,
        OperationWatch watches, TimeProvider time, IHostApplicationLifetime lifetime)
    {
        if (await reader.RowOnceKnown(id, http.RequestAborted) is not { } row)
        {
            return TypedResults.NotFound();
        }

        if (!Viewer.Of(user).Sees(row))
        {
            return Problems.NotYours();
        }

        using var watch = watches.TryStart(caller.Org, id);
        if (watch is null)
        {
            return Problems.TooManyWaiters(http, OperationWatch.MostPerOrganisation);
        }

        using var ended = EventStream.EndOf(user, http, time, lifetime);
        try
        {
            await EventStream.Begin(http);
            await new OperationStream(http.Response.BodyWriter, new(row, watch, reader), time).Run(lastEventId, ended.Token);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The reader left, its token expired or the process stops: each is how a stream ends.
        }

        return Results.Empty;
    }
}
