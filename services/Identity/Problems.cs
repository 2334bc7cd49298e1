using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Identity;

/// <summary>Every refusal this service can answer.</summary>
internal static class Problems
{
    /// <summary>The refusal, with Retry-After in whole seconds.</summary>
    public static ProblemHttpResult ComeAgain(this HttpContext http, TimeSpan wait, Func<int, ProblemHttpResult> problem)
    {
        var seconds = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds));
        http.Response.Headers.RetryAfter = $"{seconds}";

        return problem(seconds);
    }

    public static ProblemHttpResult InvalidCredentials => Problem.Of(
        "invalid-credentials", 401, "E-mail address or password is wrong.");

    public static ProblemHttpResult RefreshInvalid => Problem.Of(
        "refresh-invalid", 401, "The refresh token is not valid.", "It is unknown, expired or revoked. Log in again.");

    public static ProblemHttpResult RefreshReused => Problem.Of(
        "refresh-reused", 401, "The refresh token was used before.",
        "Somebody may have stolen it, so every token of this log-in is revoked. Log in again.");

    public static ProblemHttpResult EmailTaken => Problem.Of(
        "email-taken", 409, "The e-mail address is taken.", "Log in with it instead.");

    public static ProblemHttpResult AlreadyMember => Problem.Of(
        "already-member", 409, "The person is a member already.");

    public static ProblemHttpResult LastOwner => Problem.Of(
        "last-owner", 409, "An organisation needs an owner.", "Make somebody else an owner first.");

    public static ProblemHttpResult RoleTooLow => Problem.Of(
        "forbidden", 403, "Your role does not allow this.", "Only an owner may make, change or remove an owner.");

    public static ProblemHttpResult NoLongerAMember => Problem.Of(
        "not-a-member", 403, "You are no longer a member of the organisation.", "Switch to another one or log in again.");

    public static ProblemHttpResult NotYourInvitation => Problem.Of(
        "not-your-invitation", 403, "The invitation is for another e-mail address.", "Use the account of the address it was made for.");

    public static ProblemHttpResult NoSuchInvitation => Problem.Of(
        "no-such-invitation", 404, "There is no such invitation.", "It is unknown, used, withdrawn or expired. Ask for a new one.");

    public static ProblemHttpResult NoSuchMember => Problem.Of(
        "not-found", 404, "There is no such member.");

    public static ProblemHttpResult NoSuchOrganisation => Problem.Of(
        "not-found", 404, "There is no such organisation among yours.");

    public static ProblemHttpResult NoOrganisation => Problem.Of(
        "no-organisation", 403, "You belong to no organisation.", "Ask for an invitation and log in with its invitationCode.");

    public static ProblemHttpResult NoSuchSession => Problem.Of(
        "not-found", 404, "There is no such session among yours.", "It has ended already, or is somebody else's.");

    public static ProblemHttpResult NoSession => Problem.Of(
        "no-session", 409, "The token belongs to no session.", "Refresh or log in again, then repeat the request.");

    public static ProblemHttpResult InvalidClient => Problem.Of(
        "invalid-client", 401, "This is no service's secret.", "The name is unknown or the secret is not its own: see Clients__{service}.",
        ("error", "invalid_client"));

    public static ProblemHttpResult UnsupportedGrant => Problem.Of(
        "unsupported-grant-type", 400, "Only client_credentials is granted here.", "Send grant_type=client_credentials.",
        ("error", "unsupported_grant_type"));

    public static ProblemHttpResult UnknownOrganisation => Problem.Of(
        "unknown-organisation", 400, "There is no such organisation.", "organisation_id is of none known here.", ("error", "invalid_target"));

    public static ProblemHttpResult TooManyWrongSecrets(int retryAfterSeconds) => Problem.Of(
        "too-many-requests", 429, "Too many wrong secrets.", $"Wait {retryAfterSeconds} s.", ("retryAfterSeconds", retryAfterSeconds));

    public static ProblemHttpResult LockedOut(DateTimeOffset until) => Problem.Of(
        "locked-out", 423, "Too many wrong passwords.", $"Log in again after {until:u}.", ("until", until));
}
