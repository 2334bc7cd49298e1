using System.Net;
using System.Text.Json;

namespace OpsPlatform.Identity.Tests;

internal static class Answers
{
    public static async Task ShouldBeProblem(this HttpResponseMessage response, HttpStatusCode status, string slug)
    {
        var text = await response.Content.ReadAsStringAsync();
        response.StatusCode.ShouldBe(status, text);
        response.Content.Headers.ContentType?.MediaType.ShouldBe("application/problem+json");
        JsonDocument.Parse(text).RootElement.GetProperty("type").GetString().ShouldBe($"https://opsplatform.dev/problems/{slug}");
    }

    public static async Task<JsonElement> Json(this HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        response.IsSuccessStatusCode.ShouldBeTrue($"{(int)response.StatusCode} {text}");

        return JsonDocument.Parse(text).RootElement;
    }
}
