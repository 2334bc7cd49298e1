using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.ServiceDefaults.Auth;

/// <summary>
/// What an API key may be made for, and which endpoints that covers: said here once, by path and method. A token with a scope claim
/// reaches what its scopes cover and nothing else; an endpoint that no line covers refuses every such token.
/// </summary>
public static partial class Scopes
{
    /// <summary>Space between scopes, as RFC 9068 has it.</summary>
    public const string Claim = "scope";

    /// <summary>Which API key a token was exchanged for.</summary>
    public const string KeyClaim = "key";

    /// <summary>Members, invitations, the organisation itself, the audit trail, and what could not be sent or applied.</summary>
    public const string Admin = "admin";

    /// <summary>The longest path that fits decides; null is for nobody with an API key.</summary>
    private static readonly (string Path, string? Read, string? Write)[] Covered =
    [
        ("/orders", "orders:read", "orders:write"),
        ("/menu", "orders:read", "orders:write"),
        ("/customers", "customers:read", "customers:write"),
        ("/inventory", "inventory:read", "inventory:write"),
        ("/ingredients", "inventory:read", "inventory:write"),
        ("/recipes", "inventory:read", "inventory:write"),
        // Whole rows of every tracked table of the organisation, whichever service owns it: the feed is one log, and a key that may
        // read it needs no other read scope. Only who may make keys, an admin, can give that away.
        ("/sync", "sync:read", "sync:write"),
        // A ticket only opens a stream.
        ("/sync/ticket", "sync:read", "sync:read"),
        ("/sync/tickets", "sync:read", "sync:read"),
        ("/operations", "operations:read", "operations:write"),
        ("/operations/tickets", "operations:read", "operations:read"),
        ("/analytics", "analytics:read", "analytics:write"),
        ("/registry", "registry:read", null),
        // Sessions, passwords and keys are persons' alone: a key must not make itself more than it is.
        ("/identity/organisation", "organisation:read", Admin),
        ("/identity/members", Admin, Admin),
        ("/identity/invitations", Admin, Admin),
        ("/identity/audit", Admin, null),
        ("/identity/audit/mine", null, null),
    ];

    /// <summary>Everything a key can be made for, in alphabetical order.</summary>
    public static readonly IReadOnlyList<string> All =
        [.. Covered.SelectMany(line => new[] { line.Read, line.Write }).OfType<string>().Distinct().Order(StringComparer.Ordinal)];

    /// <param name="pattern">The endpoint's route, such as /orders/{id:guid}.</param>
    /// <returns>The scope the endpoint takes; null when it takes no token with scopes.</returns>
    public static string? Required(string method, string pattern)
    {
        var path = "/" + pattern.Trim('/');
        if (Errors().IsMatch(path))
        {
            return Admin;
        }

        var (fitting, read, write) = Covered.Where(line => Fits(path, line.Path)).OrderByDescending(line => line.Path.Length).FirstOrDefault();
        return fitting is null ? null : HttpMethods.IsGet(method) || HttpMethods.IsHead(method) ? read : write;
    }

    private static bool Fits(string path, string prefix) =>
        path.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) && (path.Length == prefix.Length || path[prefix.Length] == '/');

    /// <summary>Every service's failed messages: they hold whatever the organisation sent.</summary>
    [GeneratedRegex("^/[^/]+/errors(/|$)", RegexOptions.IgnoreCase)]
    private static partial Regex Errors();
}

/// <summary>Holds tokens that carry scopes to them. Runs after the role was looked at: scopes only ever take away.</summary>
internal sealed class ScopeMiddleware(RequestDelegate next)
{
    public Task Invoke(HttpContext http)
    {
        if (http.User.FindFirst(Scopes.Claim) is not { } claim
            || http.GetEndpoint() is not { } endpoint || endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null)
        {
            return next(http);
        }

        var required = Scopes.Required(http.Request.Method, (endpoint as RouteEndpoint)?.RoutePattern.RawText ?? "");
        if (required is not null && claim.Value.Split(' ').Contains(required))
        {
            return next(http);
        }

        return (required is null
            ? Problem.Of("scope-missing", 403, "No API key reaches this.", "Log in as a person.")
            : Problem.Of("scope-missing", 403, "The API key's scopes do not cover this.", $"It needs {required}: make a key that has it.", ("requiredScope", required)))
            .ExecuteAsync(http);
    }
}
