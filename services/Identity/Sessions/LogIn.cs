using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Identity;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Sessions;

/// <summary>Opens a session with e-mail address and password, for the organisation asked for or the one joined first.</summary>
internal static class LogIn
{
    public sealed record Request(
        [Required, MaxLength(254)] string Email, [Required, MaxLength(Passwords.MaxChars)] string Password, Guid? OrganisationId = null);

    private static readonly User Nobody = User.Named("", "", DateTimeOffset.UnixEpoch);
    private static readonly string NobodysHash = new PasswordHasher<User>().HashPassword(Nobody, Guid.NewGuid().ToString());

    public static async Task<Results<Ok<SessionResponse>, ProblemHttpResult>> Handle(
        Request request, IdentityDb db, UserManager<User> users, Session session, Caller caller, TimeProvider time, CancellationToken cancel)
    {
        var now = time.GetUtcNow();

        if (await users.FindByEmailAsync(request.Email) is not { } user)
        {
            // As slow as for a known address, so that time does not tell who is known.
            users.PasswordHasher.VerifyHashedPassword(Nobody, NobodysHash, request.Password);
            return Problems.InvalidCredentials;
        }

        // Before the lock is looked at: a shut account must not answer faster than an open or unknown one.
        var isRight = await users.CheckPasswordAsync(user, request.Password);

        if (user.IsLockedOut(now))
        {
            return Problems.LockedOut(user.LockoutEnd!.Value);
        }

        if (!isRight)
        {
            await LockOut.CountFailure(db, user.Id, now, cancel);
            return Problems.InvalidCredentials;
        }

        if (!await LockOut.TryPass(db, user.Id, now, cancel))
        {
            return Problems.LockedOut(now + LockOut.Duration);
        }

        caller.ActAs(user.Id);

        return await session.MembershipOf(user.Id, request.OrganisationId, cancel) is { } membership
            ? TypedResults.Ok(await session.Open(user, membership, cancel))
            : Problems.NoSuchOrganisation;
    }
}
