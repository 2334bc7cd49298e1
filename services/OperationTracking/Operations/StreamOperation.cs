using System.Security.Claims;
using Microsoft.AspNetCore.Mvc;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>
/// Sends an operation as server-sent events, first as it is and then each time it has changed; ends by itself after the event of the end.
/// With Last-Event-ID, an operation that is as the reader knows it is not sent first.
/// </summary>
internal static class StreamOperation
{
    public static Task<IResult> Handle(
        Guid id, [FromHeader(Name = "Last-Event-ID")] string? lastEventId, ClaimsPrincipal user, HttpContext http, OpenStream stream) =>
        stream.Of(id, lastEventId, user, http);
}
