using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Identity.Members;

internal static class MemberEndpoints
{
    public static void MapMembers(this IEndpointRouteBuilder app)
    {
        var members = app.MapApi("/identity/members").RequireAuthorization(Roles.Admin).WithTags("members");

        members.MapGet("", ListMembers.Handle);
        members.MapGet("/{userId:guid}", GetMember.Handle);
        members.MapPut("/{userId:guid}", ChangeMemberRole.Handle).RequireAuthorization(Roles.Owner);
        members.MapDelete("/{userId:guid}", RemoveMember.Handle);
        app.MapApi("/identity/export", Roles.Service).WithTags("members").MapGet("/members", ExportMembers.Handle)
            .WithSummary("Everybody who may act in the organisation with their roles, all at once. Role service, or admin.");
    }
}
