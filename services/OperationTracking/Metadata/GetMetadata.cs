using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.OperationTracking.Operations;

namespace OpsPlatform.OperationTracking.Metadata;

/// <summary>What its caller or the service that works on it keeps of an operation beside progress: a JSON object, empty when nothing was said.</summary>
internal static class GetMetadata
{
    public static async Task<Results<Ok<Patch>, NotFound, ProblemHttpResult>> Handle(
        Guid id, ClaimsPrincipal user, OperationReader reader, MetadataKeeper metadata, CancellationToken cancel)
    {
        if (await reader.RowOnceKnown(id, cancel) is not { } row)
        {
            return TypedResults.NotFound();
        }

        return Viewer.Of(user).Sees(row) ? TypedResults.Ok(await metadata.Read(id, cancel)) : Problems.NotYours();
    }
}
