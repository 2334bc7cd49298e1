using System.Net;
using System.Text.Json;

namespace OpsPlatform.Gateway.Tests;

internal static class Answers
{
    public static async Task ShouldBeProblem(this HttpResponseMessage response, HttpStatusCode status, string slug)
    {
        var text = await response.Content.ReadAsStringAsync();
        response.StatusCode.ShouldBe(status, text);
        response.Content.Headers.ContentType?.MediaType.ShouldBe("application/problem+json");
        var problem = JsonDocument.Parse(text).RootElement;
        problem.GetProperty("type").GetString().ShouldBe($"https://opsplatform.dev/problems/{slug}");
        problem.GetProperty("traceId").GetString().ShouldNotBeNullOrEmpty();
    }

    public static string? Header(this HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) || response.Content.Headers.TryGetValues(name, out values) ? string.Join(", ", values) : null;
}
