using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>Somebody who has work of their own at the desk.</summary>
public static class Posting
{
    public static async Task<(HttpStatusCode Status, JsonElement Body, HttpResponseMessage Answer)> Send(this Desk desk, string path, object body, HttpClient? client = null, string? key = null)
    {
        using var own = client is null ? desk.Client() : null;
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = body as HttpContent ?? JsonContent.Create(body) };
        if (key is not null)
        {
            request.Headers.Add("Idempotency-Key", key);
        }

        var answer = await (client ?? own!).SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        return (answer.StatusCode, text.Length == 0 ? default : JsonDocument.Parse(text).RootElement, answer);
    }

    /// <summary>The answer to what must be taken.</summary>
    public static async Task<JsonElement> Done(this Desk desk, string path, object body, HttpClient? client = null)
    {
        var (status, answer, _) = await desk.Send(path, body, client);
        ((int)status).ShouldBeInRange(200, 299, answer.ToString());
        return answer;
    }

    /// <summary>The problem that is answered.</summary>
    public static async Task<string> Refused(this Desk desk, string path, object body, HttpStatusCode status, HttpClient? client = null)
    {
        var (answered, problem, _) = await desk.Send(path, body, client);
        answered.ShouldBe(status, problem.ToString());
        return problem.Problem();
    }

    /// <param name="more">Members besides type and name, or instead of them.</param>
    public static Dictionary<string, object?> Asked(params (string Name, object? Value)[] more)
    {
        Dictionary<string, object?> body = new() { ["operationType"] = "shop.count", ["displayName"] = "Count of the shop" };
        foreach (var (name, value) in more)
        {
            body[name] = value;
        }

        return body;
    }

    public static async Task<Guid> Post(this Desk desk, params (string Name, object? Value)[] more) =>
        (await desk.Done("/operations", Asked(more))).GetProperty("operationId").GetGuid();

    public static async Task<(Guid Id, long Fence)> Begun(this Desk desk, params (string Name, object? Value)[] more)
    {
        var id = await desk.Post(more);
        return (id, await desk.Begin(id));
    }

    /// <returns>The fence.</returns>
    public static async Task<long> Begin(this Desk desk, Guid id, bool force = false, HttpClient? client = null) =>
        (await desk.Done($"/operations/{id}/begin", new { force }, client)).GetProperty("fence").GetInt64();
}
