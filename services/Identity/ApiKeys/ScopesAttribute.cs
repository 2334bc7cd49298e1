using System.ComponentModel.DataAnnotations;
using OpsPlatform.ServiceDefaults.Auth;

namespace OpsPlatform.Identity.ApiKeys;

/// <summary>At least one of the scopes there are, and nothing else.</summary>
internal sealed class ScopesAttribute() : ValidationAttribute($"must be some of: {string.Join(", ", Scopes.All)}")
{
    public override bool IsValid(object? value) =>
        value is IReadOnlyList<string> { Count: > 0 } scopes && scopes.Count <= Scopes.All.Count && scopes.All(Scopes.All.Contains);
}
