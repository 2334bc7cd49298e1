using System.ComponentModel.DataAnnotations;
using System.Security.Claims;
using Microsoft.AspNetCore.Mvc;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>
/// Sends up to 20 operations by one stream of server-sent events, each first as it is and then each time it has changed; ends by itself after
/// all of them have. Its events have no id: who comes again is told first how all of them are now.
/// </summary>
internal static class StreamOperations
{
    private const int Most = 20;

    // The rule is on the property because OpenAPI cannot be generated when it is on the constructor's parameter.
    internal sealed record StreamRequest([FromQuery(Name = "operationId")][property: Length(1, Most)] Guid[] OperationId);

    public static Task<IResult> Handle([AsParameters] StreamRequest request, ClaimsPrincipal user, HttpContext http, OpenStream stream) =>
        stream.Of([.. request.OperationId.Distinct()], user, http);
}
