using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace OpsPlatform.OperationTracking.Tests.Alerts;

/// <summary>An admin of a desk's organisation, who says who is told of what.</summary>
public sealed class Admin(Desk desk, string role = "admin")
{
    public static readonly string[] Ends = ["operation.completed", "operation.failed"];

    public async Task<JsonElement> Ask(HttpMethod method, string path, object? body = null, HttpStatusCode status = HttpStatusCode.OK)
    {
        using var client = desk.Client(role, Guid.NewGuid());
        using var request = new HttpRequestMessage(method, $"/operations/{path}") { Content = body is null ? null : JsonContent.Create(body) };
        using var answer = await client.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        answer.StatusCode.ShouldBe(status, text);
        return text.Length == 0 ? default : JsonDocument.Parse(text).RootElement;
    }

    public Task<JsonElement> Get(string path, HttpStatusCode status = HttpStatusCode.OK) => Ask(HttpMethod.Get, path, null, status);

    public async Task<(Guid Id, string Secret)> Add(Receiver receiver, string[]? events = null, string[]? types = null)
    {
        var added = await Ask(HttpMethod.Post, "webhooks", new { url = receiver.Url, events = events ?? Ends, operationTypes = types }, HttpStatusCode.Created);
        return (added.GetProperty("id").GetGuid(), added.Text("secret"));
    }

    public Task<JsonElement> Test(Guid webhook) => Ask(HttpMethod.Post, $"webhooks/{webhook}/test", null, HttpStatusCode.Accepted);

    /// <summary>The only delivery of a webhook, once it is so.</summary>
    public Task<JsonElement> Delivery(Guid webhook, Func<JsonElement, bool> holds) => Testing.Eventually.Is(
        async () => (await Get($"webhooks/{webhook}/deliveries")).GetProperty("items").EnumerateArray().SingleOrDefault(),
        one => one.ValueKind == JsonValueKind.Object && holds(one));

    public async Task<JsonElement[]> Alerts(string query = "") => [.. (await Get($"alerts{query}")).GetProperty("items").EnumerateArray()];
}
