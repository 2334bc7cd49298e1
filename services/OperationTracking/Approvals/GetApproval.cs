using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Approvals;

/// <summary>What an operation would do and how far the agreement to it is; for those who see the operation and those who may vote on it.</summary>
internal static class GetApproval
{
    public static async Task<Results<Ok<ApprovalView>, NotFound, ProblemHttpResult>> Handle(
        Guid id, ClaimsPrincipal user, OperationReader operations, Approving approving, ApprovalReader reader, MemberDirectory directory, Caller caller,
        CancellationToken cancel)
    {
        if (await operations.RowOnceKnown(id, cancel) is not { } row)
        {
            return TypedResults.NotFound();
        }

        var viewer = Viewer.Of(user);
        if (await approving.Read(row, cancel) is not { } held)
        {
            return viewer.Sees(row) ? Problems.NoApproval() : Problems.NotYours();
        }

        // Whose operation it is may see it while the identity service is away.
        var members = viewer.Sees(row) ? await directory.TryOf(caller.Org, cancel) : await directory.Of(caller.Org, cancel);
        var tally = members is null ? null : held.Count(members);
        return viewer.Sees(row) || tally!.IsAsked(viewer.UserId)
            ? TypedResults.Ok(await reader.View(held, tally, viewer.UserId, cancel))
            : Problems.NotYours();
    }
}
