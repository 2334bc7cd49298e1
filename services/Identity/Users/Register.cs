using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Identity;
using OpsPlatform.Identity.Organisations;
using OpsPlatform.Identity.Sessions;

namespace OpsPlatform.Identity.Users;

/// <summary>Founds an organisation with its owner, who is logged in at once.</summary>
internal static class Register
{
    public sealed record Request(
        [Email] string Email,
        [MinLength(Passwords.MinChars), MaxLength(Passwords.MaxChars)] string Password,
        [Required, MaxLength(200)] string DisplayName,
        OrganisationRequest Organisation);

    public static async Task<Results<Created<SessionResponse>, ProblemHttpResult>> Handle(
        Request request, Founding founding, UserManager<User> users, Session session, TimeProvider time, CancellationToken cancel)
    {
        var owner = User.Named(request.Email, request.DisplayName, time.GetUtcNow());
        owner.PasswordHash = users.PasswordHasher.HashPassword(owner, request.Password);

        return await founding.TryFound(owner, request.Organisation, cancel) is { } membership
            ? TypedResults.Created("/identity/me", await session.Open(owner, membership, cancel))
            : Problems.EmailTaken;
    }
}
