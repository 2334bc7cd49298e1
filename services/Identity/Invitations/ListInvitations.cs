using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Invitations;

/// <summary>The organisation's invitations that can still be taken up, the oldest first.</summary>
internal static class ListInvitations
{
    public static async Task<Ok<Page<InvitationResponse>>> Handle(
        IdentityDb db, Caller caller, TimeProvider time, CancellationToken cancel, int? limit = null, string? cursor = null)
    {
        var size = Paging.Limit(limit);
        var after = Paging.Decode<Guid>(cursor);
        var now = time.GetUtcNow();
        var rows = await db.Invitations
            .AsNoTracking()
            .Where(invitation => invitation.OrgId == caller.Org && invitation.ExpiresAt > now && invitation.Id > after)
            .OrderBy(invitation => invitation.Id)
            .Take(size + 1)
            .ToListAsync(cancel);
        var page = Paging.Cut(rows, size, invitation => invitation.Id);

        return TypedResults.Ok(new Page<InvitationResponse>([.. page.Items.Select(InvitationResponse.Of)], page.NextCursor));
    }
}
