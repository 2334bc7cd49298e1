using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Users;

internal static class CallerExtensions
{
    /// <exception cref="InvalidOperationException">No person is acting.</exception>
    public static Guid UserId(this Caller caller) => Guid.TryParse(caller.Actor, out var id)
        ? id
        : throw new InvalidOperationException("This work needs a person and none is acting.");
}
