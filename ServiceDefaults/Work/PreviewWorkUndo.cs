using System.Security.Claims;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>What undoing an operation of this service would do by how things are now.</summary>
internal static class PreviewWorkUndo
{
    public static async Task<Results<Ok<UndoPreview>, NotFound, ProblemHttpResult>> Handle(
        Guid id, ClaimsPrincipal user, Undoing undoing, IServiceProvider services, CancellationToken cancel)
    {
        var (work, way, refusal) = await undoing.Find(id, user, cancel);
        return work is null ? TypedResults.NotFound()
            : refusal is not null ? refusal
            : TypedResults.Ok(await way!.Preview(services, work, cancel));
    }
}
