using System.Security.Claims;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>Opens streams of operations, for who sees all that is asked for.</summary>
internal sealed class OperationStreams(Caller caller, OperationReader reader, OperationWatch watches, TimeProvider time, IHostApplicationLifetime lifetime)
{
    /// <param name="told">The version of the first one that the reader has; null for none.</param>
    public async Task<IResult> Send(IReadOnlyList<Guid> ids, string? told, ClaimsPrincipal user, HttpContext http)
    {
        List<Followed> operations = [];
        foreach (var id in ids)
        {
            if (await reader.RowOnceKnown(id, http.RequestAborted) is not { } row)
            {
                return TypedResults.NotFound();
            }

            if (!Viewer.Of(user).Sees(row))
            {
                return Problems.NotYours();
            }

            if (watches.TryStart(caller.Org, id) is not { } watch)
            {
                return Problems.TooManyWaiters(http, OperationWatch.MostPerOrganisation);
            }

            http.Response.RegisterForDispose(watch);
            operations.Add(new(row, watch, reader, time));
        }

        using var ended = EventStream.EndOf(user, http, time, lifetime);
        try
        {
            await EventStream.Begin(http);
            await new OperationStream(new EventWriter(http.Response.BodyWriter), operations, time).Run(told, ended.Token);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The reader left, its token expired or the process stops: each is how a stream ends.
        }

        return Results.Empty;
    }
}
