using OpsPlatform.Identity.Sessions;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Identity.Audit;

internal static class AuditEndpoints
{
    public static void MapAudit(this IEndpointRouteBuilder app)
    {
        var audit = app.MapApi("/identity/audit").WithTags("audit").NeverStored();

        audit.MapGet("", ListAudit.Handle).RequireAuthorization(Roles.Admin)
            .WithSummary("Sign-ins of the organisation's members and changes of who may do what, the latest first. Kept for 400 days.");
        audit.MapGet("/mine", ListAudit.Mine).WithName("listMyAudit").WithSummary("The caller's own entries, in every organisation.");
    }
}
