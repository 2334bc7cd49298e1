using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>An operation as it stands now; one that nothing was heard of yet is waited for up to a second.</summary>
internal static class GetOperation
{
    private const string PollSeconds = "1";

    public static async Task<Results<Ok<OperationView>, NotFound, ProblemHttpResult>> Handle(
        Guid id, ClaimsPrincipal user, HttpContext http, OperationReader reader, CancellationToken cancel)
    {
        if (await reader.RowOnceKnown(id, cancel) is not { } row)
        {
            return TypedResults.NotFound();
        }

        if (!Viewer.Of(user).Sees(row))
        {
            return Problems.NotYours();
        }

        http.AskToComeAgain(row);
        var view = reader.View(row);
        return TypedResults.Ok(row.RollsUp ? view : view with { Children = await reader.Children(id, cancel) });
    }

    /// <summary>Says when an operation that goes on may be asked for again.</summary>
    public static void AskToComeAgain(this HttpContext http, Operation row)
    {
        if (!row.IsOver)
        {
            http.Response.Headers.RetryAfter = PollSeconds;
        }
    }
}
