using System.Text.Json;

namespace OpsPlatform.Testing;

/// <summary>What an OpenAPI document must say of every POST: that it takes an Idempotency-Key, or why it does not.</summary>
public static class IdempotencyDocument
{
    /// <summary>Endpoints whose answer may not be kept, or whose repeat is harmless by itself. Each also states its reason in the document.</summary>
    public static readonly IReadOnlyList<string> Exempt =
    [
        "/identity/register", "/identity/login", "/identity/refresh", "/identity/logout", "/identity/switch", "/identity/join", "/identity/invitations",
        "/identity/api-keys", "/identity/sessions/revoke-others",
        "/sync/tickets", "/operations/tickets", "/sync/resync",
        .. Repository.ServiceNames.SelectMany(service => (string[])[$"/{service}/errors/retry", $"/{service}/errors/{{id}}/retry"]),
        "/operations/webhooks", "/operations/webhooks/{id}/rotate", "/operations/{id}/undo",
        "/notes/secret",
    ];

    /// <returns>The POSTs that neither take a key nor are on the list with a reason, and those that are on the list and take one.</returns>
    public static IReadOnlyList<string> Undeclared(JsonElement paths) =>
    [
        .. paths.EnumerateObject()
            .Where(path => path.Value.TryGetProperty("post", out _))
            .Select(path => (Path: path.Name.Length > 1 ? path.Name.TrimEnd('/') : path.Name, Post: path.Value.GetProperty("post")))
            .Where(x => TakesKey(x.Post) == Exempt.Contains(x.Path) || TakesKey(x.Post) == HasReason(x.Post))
            .Select(x => x.Path),
    ];

    private static bool TakesKey(JsonElement post) =>
        post.TryGetProperty("parameters", out var parameters) && parameters.EnumerateArray().Any(parameter =>
            parameter.GetProperty("name").GetString() == "Idempotency-Key" && parameter.GetProperty("in").GetString() == "header");

    private static bool HasReason(JsonElement post) => post.TryGetProperty("x-no-idempotency-key", out var reason) && reason.GetString()!.Length > 10;
}
