using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Identity;
using OpsPlatform.Identity.Invitations;
using OpsPlatform.Identity.Organisations;
using OpsPlatform.Identity.Sessions;

namespace OpsPlatform.Identity.Users;

/// <summary>Opens an account, with an organisation of one's own or with a place in one that sent an invitation, and logs its holder in at once.</summary>
internal static class Register
{
    /// <param name="Organisation">Founded with the person as its owner; either this or InvitationCode is given.</param>
    /// <param name="InvitationCode">Of an invitation to this e-mail address.</param>
    public sealed record Request(
        [Email] string Email,
        [MinLength(Passwords.MinChars), MaxLength(Passwords.MaxChars)] string Password,
        [Required, MaxLength(200)] string DisplayName,
        OrganisationRequest? Organisation = null,
        [MinLength(1), MaxLength(128)] string? InvitationCode = null) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (Organisation is null == InvitationCode is null)
            {
                yield return new ValidationResult(
                    "either organisation or invitationCode must be given, not both", [nameof(Organisation), nameof(InvitationCode)]);
            }
        }
    }

    public static async Task<Results<Created<SessionResponse>, ProblemHttpResult>> Handle(
        Request request, Founding founding, Joining joining, UserManager<User> users, Session session, TimeProvider time, CancellationToken cancel)
    {
        var user = User.Named(request.Email, request.DisplayName, time.GetUtcNow());
        user.PasswordHash = users.PasswordHasher.HashPassword(user, request.Password);

        var (membership, refusal) = request.InvitationCode is { } code
            ? await joining.TryJoin(user, isNew: true, code, cancel)
            : (await founding.TryFound(user, request.Organisation!, cancel), Problems.EmailTaken);

        return membership is null ? refusal! : TypedResults.Created("/identity/me", await session.Open(user, membership, cancel));
    }
}
