using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.Identity.Audit;
using OpsPlatform.Identity.Members;
using OpsPlatform.Identity.Sessions;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Invitations;

/// <summary>An invitation is used up and a membership, with a new person's account, comes to be: together or not at all.</summary>
internal sealed class Joining(IdentityDb db, UserManager<User> users, Caller caller, AuditTrail audit, TimeProvider time)
{
    /// <param name="isNew">The account is stored too; otherwise the caller has proven to be its holder.</param>
    public async Task<(Membership? Joined, ProblemHttpResult? Refusal)> TryJoin(User user, bool isNew, string code, CancellationToken cancel)
    {
        var now = time.GetUtcNow();
        var hash = Secret.HashOf(code);
        var invitation = await db.Invitations
            .FromSql($"SELECT * FROM find_invitation({hash})")
            .AsNoTracking()
            .SingleOrDefaultAsync(found => found.ExpiresAt > now, cancel);

        if (invitation is null)
        {
            return (null, Problems.NoSuchInvitation);
        }

        // Compared as accounts are told apart, so that no look-alike of the address passes for it.
        if (users.NormalizeEmail(user.Email) != users.NormalizeEmail(invitation.Email))
        {
            return (null, Problems.NotYourInvitation);
        }

        caller.ActAs(user.Id, invitation.OrgId);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var (_, role) = await db.LockMembers(caller, cancel);

        if (role is not null)
        {
            return (null, Problems.AlreadyMember);
        }

        // Whoever came first has used it up, or it was withdrawn meanwhile.
        if (await db.Invitations.Where(same => same.OrgId == invitation.OrgId && same.Id == invitation.Id).ExecuteDeleteAsync(cancel) == 0)
        {
            return (null, Problems.NoSuchInvitation);
        }

        if (isNew && !await users.TryCreate(user))
        {
            return (null, Problems.EmailTaken);
        }

        var membership = Membership.Of(invitation.OrgId, user.Id, invitation.Role, now);
        db.Memberships.Add(membership);
        db.Publish(new MemberJoined(user.Id, membership.Role));
        await db.SaveChangesAsync(cancel);
        await audit.Write(AuditEvent.Join, user.Id, cancel, detail: $"as {membership.Role}", email: user.Email);
        await transaction.CommitAsync(cancel);

        return (membership, null);
    }
}
