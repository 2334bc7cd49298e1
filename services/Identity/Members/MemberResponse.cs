using OpsPlatform.Identity.Users;

namespace OpsPlatform.Identity.Members;

internal sealed record MemberResponse(Guid UserId, string Email, string DisplayName, string Role, long RowVersion, DateTimeOffset JoinedAt)
{
    public static MemberResponse Of(User user, Membership membership) => new(
        user.Id, user.Email!, user.DisplayName, membership.Role, membership.RowVersion, membership.CreatedAt);
}
