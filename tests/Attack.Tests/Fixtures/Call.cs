using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace OpsPlatform.Attack.Tests.Fixtures;

/// <summary>A request as data, so that it can be sent as it is, by somebody else, or with one thing in it turned hostile.</summary>
/// <param name="Path">As it goes over the wire: encoded, without a query.</param>
public sealed record Call(string Method, string Path)
{
    /// <summary>Names and values, not yet encoded.</summary>
    public ImmutableList<(string Name, string Value)> Query { get; init; } = [];

    public ImmutableList<(string Name, string Value)> Headers { get; init; } = [];

    /// <summary>A JSON body; null for none.</summary>
    public JsonNode? Json { get; init; }

    /// <summary>A form body; null for none.</summary>
    public ImmutableList<(string Name, string Value)>? Form { get; init; }

    /// <summary>The service to send it to past the gateway, for what the gateway lets nobody through to.</summary>
    public string? Past { get; init; }

    /// <summary>A header in place of the sender's token, for callers that are no members.</summary>
    public (string Header, string Value)? Credentials { get; init; }

    /// <summary>The refusal that is the right answer, where no request of a member can be answered otherwise.</summary>
    public int? RightRefusal { get; init; }

    public static Call Get(string path) => new("GET", path);

    public static Call Delete(string path) => new("DELETE", path);

    /// <param name="body">Written with camelCase names; a JsonNode is taken as it is.</param>
    public static Call Post(string path, object? body = null) => new("POST", path) { Json = Node(body) };

    public static Call Put(string path, object body) => new("PUT", path) { Json = Node(body) };

    public static Call Patch(string path, object body) => new("PATCH", path) { Json = Node(body) };

    public static Call PostForm(string path, params (string Name, string Value)[] fields) => new("POST", path) { Form = [.. fields] };

    public Call WithQuery(string name, object value) => this with { Query = Query.Add((name, value.ToString()!)) };

    public Call WithHeader(string name, string value) => this with { Headers = Headers.Add((name, value)) };

    /// <summary>Sent to the registry by one of the platform's own processes, which proves itself by its secret.</summary>
    public Call AsClient(string client) => this with
    {
        Past = "registry",
        Credentials = ("Authorization", "Basic " + Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{client}:{AttackSystem.ClientSecret(client)}"))),
    };

    /// <summary>Sent by whoever runs the platform, for what no member reaches.</summary>
    public Call AsOperator() => this with { Credentials = ("X-Operator-Key", RunningSystem.OperatorKey) };

    public bool IsAnswered(Api.Answer answer) => RightRefusal is { } refusal ? answer.Status == refusal : answer.IsSuccess;

    /// <summary>All that the sender has written.</summary>
    public string Everything => string.Join('\n', [
        Path, Json?.ToJsonString() ?? "", .. Query.Select(pair => pair.Value), .. Headers.Select(pair => pair.Value), .. (Form ?? []).Select(pair => pair.Value)]);

    private static JsonNode? Node(object? body) =>
        body as JsonNode ?? (body is null ? null : JsonSerializer.SerializeToNode(body, JsonSerializerOptions.Web));
}
