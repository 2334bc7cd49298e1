using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Members;

/// <summary>Lets a person act in the organisation. One who has a login already keeps it as it is, password and name.</summary>
internal static class AddMember
{
    public sealed record Request(
        [Email] string Email,
        [Required, MaxLength(200)] string DisplayName,
        [MinLength(Passwords.MinChars), MaxLength(Passwords.MaxChars)] string Password,
        [AllowedValues(Roles.Viewer, Roles.Staff, Roles.Admin, Roles.Owner)] string Role);

    public static async Task<Results<Created<MemberResponse>, ProblemHttpResult>> Handle(
        Request request, IdentityDb db, UserManager<User> users, Caller caller, TimeProvider time, CancellationToken cancel)
    {
        var now = time.GetUtcNow();
        var known = await users.FindByEmailAsync(request.Email);
        var user = known ?? User.Named(request.Email, request.DisplayName, now);

        if (known is null)
        {
            user.PasswordHash = users.PasswordHasher.HashPassword(user, request.Password);
        }

        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var (_, actingRole) = await db.LockMembers(caller, cancel);

        if (actingRole is null)
        {
            return Problems.NoLongerAMember;
        }

        if (!Roles.AtLeast(Roles.Admin).Contains(actingRole) || (request.Role == Roles.Owner && actingRole != Roles.Owner))
        {
            return Problems.RoleTooLow;
        }

        if (await db.Memberships.AnyAsync(other => other.OrgId == caller.Org && other.UserId == user.Id, cancel))
        {
            return Problems.AlreadyMember;
        }

        if (known is null && !await users.TryCreate(user))
        {
            return Problems.EmailTaken;
        }

        var membership = Membership.Of(caller.Org, user.Id, request.Role, now);
        db.Memberships.Add(membership);
        db.Publish(new MemberJoined(user.Id, membership.Role));
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);

        return TypedResults.Created($"/identity/members/{user.Id}", MemberResponse.Of(user, membership));
    }
}
