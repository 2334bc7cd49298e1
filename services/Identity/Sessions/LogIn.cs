using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Identity;
using OpsPlatform.Identity.Audit;
using OpsPlatform.Identity.Invitations;
using OpsPlatform.Identity.Members;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Sessions;

/// <summary>
/// Opens a session with e-mail address and password, for the organisation asked for or the one joined first; with an invitation's
/// code for the one that invited, which is how somebody comes back who belongs to none.
/// </summary>
internal static class LogIn
{
    /// <param name="InvitationCode">Of an invitation to this e-mail address; it is used up.</param>
    public sealed record Request(
        [Required, MaxLength(254)] string Email,
        [Required, MaxLength(Passwords.MaxChars)] string Password,
        Guid? OrganisationId = null,
        [MinLength(1), MaxLength(128)] string? InvitationCode = null) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (OrganisationId is not null && InvitationCode is not null)
            {
                yield return new ValidationResult("either organisationId or invitationCode may be given", [nameof(OrganisationId), nameof(InvitationCode)]);
            }
        }
    }

    private static readonly User Nobody = User.Named("", "", DateTimeOffset.UnixEpoch);
    private static readonly string NobodysHash = new PasswordHasher<User>().HashPassword(Nobody, Guid.NewGuid().ToString());

    public static async Task<Results<Ok<SessionResponse>, ProblemHttpResult>> Handle(
        Request request, HttpContext http, IdentityDb db, UserManager<User> users, Session session, Joining joining, AuditTrail audit,
        Caller caller, TimeProvider time, CancellationToken cancel)
    {
        var now = time.GetUtcNow();
        var key = LockOut.KeyOf(users.NormalizeEmail(request.Email));
        var user = await users.FindByEmailAsync(request.Email);
        bool isRight;

        if (user is null)
        {
            // As slow as for a known address, so that time does not tell who is known.
            users.PasswordHasher.VerifyHashedPassword(Nobody, NobodysHash, request.Password);
            isRight = false;
        }
        else
        {
            isRight = await users.CheckPasswordAsync(user, request.Password);
        }

        // The lock is looked at last, and the same is written for known and unknown: a shut address must not answer faster than an open one.
        if (!isRight)
        {
            return await Refuse(request, http, db, user, key, audit, now, cancel);
        }

        if (await LockOut.TryPass(db, key, now, cancel) is { } until)
        {
            await audit.Write(AuditEvent.LogIn, user!.Id, cancel, "locked_out", email: request.Email);
            return http.ComeAgain(until - now, _ => Problems.LockedOut(until));
        }

        caller.ActAs(user!.Id);
        Membership? membership;

        if (request.InvitationCode is { } code)
        {
            (membership, var refusal) = await joining.TryJoin(user, isNew: false, code, cancel);

            if (membership is null)
            {
                return refusal!;
            }
        }
        else if ((membership = await session.MembershipOf(user.Id, request.OrganisationId, cancel)) is null)
        {
            await audit.Write(AuditEvent.LogIn, user.Id, cancel, "no_membership", email: request.Email);
            return request.OrganisationId is null ? Problems.NoOrganisation : Problems.NoSuchOrganisation;
        }

        caller.ActAs(user.Id, membership.OrgId);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var opened = await session.Open(user, membership, cancel);
        await audit.Write(AuditEvent.LogIn, user.Id, cancel, email: request.Email);
        await transaction.CommitAsync(cancel);

        return TypedResults.Ok(opened);
    }

    private static async Task<ProblemHttpResult> Refuse(
        Request request, HttpContext http, IdentityDb db, User? user, byte[] key, AuditTrail audit, DateTimeOffset now, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var shut = await LockOut.CountWrong(db, key, now, cancel);
        await audit.Write(
            shut is { ByThis: true } ? AuditEvent.LockOut : AuditEvent.LogIn, user?.Id, cancel, shut is null or { ByThis: true } ? "wrong_password" : "locked_out",
            email: request.Email);
        await transaction.CommitAsync(cancel);

        return shut is { Until: var until } ? http.ComeAgain(until - now, _ => Problems.LockedOut(until)) : Problems.InvalidCredentials;
    }
}
