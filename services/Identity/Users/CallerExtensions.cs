using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Users;

internal static class CallerExtensions
{
    /// <exception cref="InvalidOperationException">No person is acting.</exception>
    public static Guid UserId(this Caller caller) => Guid.TryParse(caller.Actor, out var id)
        ? id
        : throw new InvalidOperationException("This work needs a person and none is acting.");

    /// <summary>The person has proven who they are: from the next connection on they act, for the organisation if one is given.</summary>
    public static void ActAs(this Caller caller, Guid userId, Guid? organisationId = null) => caller.Become(organisationId, userId.ToString());
}
