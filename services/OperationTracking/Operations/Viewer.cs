using System.Security.Claims;
using OpsPlatform.ServiceDefaults.Auth;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>Who asks, and what of the organisation's operations they may see and cancel: their own, and an admin all.</summary>
internal sealed record Viewer(string UserId, bool SeesAll)
{
    public static Viewer Of(ClaimsPrincipal user) => new(user.FindFirstValue("sub") ?? "", Roles.AtLeast(Roles.Admin).Any(user.IsInRole));

    public bool Sees(Operation operation) => SeesAll || operation.UserId == UserId;
}
