using Microsoft.AspNetCore.Authorization;

namespace OpsPlatform.ServiceDefaults.Auth;

/// <summary>The lowest role an endpoint lets in, as its policies say.</summary>
internal static class EndpointRole
{
    public const string Anonymous = "anonymous";

    public static bool IsMembersOrPlatforms(string role) => role is Roles.Operator or Roles.Service or Roles.Platform || Roles.Ranked.Contains(role);

    /// <returns>The scope an API key needs besides its maker's role; null where no key reaches.</returns>
    public static string? ScopeOf(string role, string method, string path) =>
        IsMembersOrPlatforms(role) && role != Roles.Platform ? Scopes.Required(method, path) : null;

    public static string Of(IEnumerable<object> metadata)
    {
        var all = metadata as IReadOnlyCollection<object> ?? [.. metadata];
        var policies = all.OfType<IAuthorizeData>().Select(data => data.Policy).ToList();
        if (policies.Count == 0 || all.OfType<IAllowAnonymous>().Any())
        {
            return Anonymous;
        }

        // A policy of the service's own, such as for what takes another proof than an access token, goes by its name.
        // All policies of an endpoint hold at once, so the highest of the members' roles decides.
        return Roles.Ranked.LastOrDefault(policies.Contains)
            ?? new[] { Roles.Platform, Roles.Operator, Roles.Service }.FirstOrDefault(policies.Contains) ?? policies[^1] ?? "any token";
    }
}
