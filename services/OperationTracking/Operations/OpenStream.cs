using System.Security.Claims;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>Opens streams of operations, for who sees all that is asked for.</summary>
internal sealed class OpenStream(Caller caller, OperationReader reader, OperationWatch watches, TimeProvider time, IHostApplicationLifetime lifetime)
{
    /// <summary>Of one operation; its events have ids.</summary>
    /// <param name="told">The version that the reader has; null for none.</param>
    public Task<IResult> Of(Guid id, string? told, ClaimsPrincipal user, HttpContext http) => Send([id], hasIds: true, told, user, http);

    /// <summary>Of several; their events have none.</summary>
    public Task<IResult> Of(IReadOnlyList<Guid> ids, ClaimsPrincipal user, HttpContext http) => Send(ids, hasIds: false, null, user, http);

    private async Task<IResult> Send(IReadOnlyList<Guid> ids, bool hasIds, string? told, ClaimsPrincipal user, HttpContext http)
    {
        List<Followed> operations = [];
        foreach (var id in ids)
        {
            if (watches.TryStart(caller.Org, id) is not { } watch)
            {
                return Problems.TooManyWaiters(http, OperationWatch.MostPerOrganisation);
            }

            http.Response.RegisterForDispose(watch);
            var changes = watch.RowChanges;
            if (await reader.RowOnceKnown(id, http.RequestAborted) is not { } row)
            {
                return Problems.NoSuchOperation(id);
            }

            if (!Viewer.Of(user).Sees(row))
            {
                return Problems.NotYours();
            }

            operations.Add(new(row, changes, watch, reader, time));
        }

        using var ended = EventStream.EndOf(user, http, time, lifetime);
        try
        {
            await EventStream.Begin(http);
            await new OperationStream(new EventWriter(http.Response.BodyWriter), operations, hasIds, time).Run(told, ended.Token);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The reader left, its token expired or the process stops: each is how a stream ends.
        }

        return Results.Empty;
    }
}
