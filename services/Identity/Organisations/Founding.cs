using Microsoft.AspNetCore.Identity;
using OpsPlatform.Contracts;
using OpsPlatform.Identity.Audit;
using OpsPlatform.Identity.Members;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Organisations;

/// <summary>An organisation and its first owner come to be together or not at all.</summary>
internal sealed class Founding(IdentityDb db, UserManager<User> users, Caller caller, AuditTrail audit, TimeProvider time)
{
    /// <returns>Null when the owner's e-mail address is taken.</returns>
    public async Task<Membership?> TryFound(User owner, OrganisationRequest details, CancellationToken cancel)
    {
        var now = time.GetUtcNow();
        var organisation = Organisation.Founded(details, now);
        var membership = Membership.Of(organisation.Id, owner.Id, Roles.Owner, now);

        caller.ActAs(owner.Id, organisation.Id);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);

        if (!await users.TryCreate(owner))
        {
            return null;
        }

        db.Organisations.Add(organisation);
        await db.SaveChangesAsync(cancel);
        db.Memberships.Add(membership);
        db.Publish(organisation.Changed());
        db.Publish(new MemberJoined(owner.Id, membership.Role));
        await db.SaveChangesAsync(cancel);
        await audit.Write(AuditEvent.Register, owner.Id, cancel, email: owner.Email);
        await transaction.CommitAsync(cancel);

        return membership;
    }
}
