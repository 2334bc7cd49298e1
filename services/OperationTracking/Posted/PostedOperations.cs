using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.OperationTracking.Operations;

namespace OpsPlatform.OperationTracking.Posted;

/// <summary>Operations that callers post and work on themselves.</summary>
internal static class PostedOperations
{
    /// <summary>Stands where the service does that works on others.</summary>
    public const string Service = "caller";

    /// <summary>An attempt is under way, and its number is the fence of who works on it.</summary>
    public static bool HasLease(this Operation row) => row.Status is OperationStatus.InProgress or OperationStatus.WaitingExternal or OperationStatus.Cancelling;

    public static bool IsHeldUnder(this Operation row, long fence) => row.HasLease() && row.Attempt == fence;

    /// <returns>Why the user may not work on it; null when they may.</returns>
    public static ProblemHttpResult? Refusal(this Operation row, ClaimsPrincipal user) =>
        !Viewer.Of(user).Sees(row) ? Problems.NotYours()
        : row.RollsUp ? Problems.RollsUp()
        : row.Service != Service ? Problems.NotPosted(row.Service)
        : null;
}
