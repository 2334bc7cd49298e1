using System.Net;
using System.Text.Json;

namespace OpsPlatform.OperationTracking.Tests;

public sealed class HealthTests(OperationsFixture service)
{
    [Fact]
    public async Task It_starts_and_is_healthy()
    {
        using var client = service.Anonymous();
        using var answer = await client.GetAsync("/health");
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Without_a_key_to_sign_checkpoints_with_it_works_and_says_so()
    {
        using var client = service.Anonymous();
        var health = JsonElement.Parse(await client.GetStringAsync("/health"));
        health.Text("status").ShouldBe("degraded");
        health.GetProperty("checks").GetProperty("checkpoints").Text("description").ShouldContain("Audit__SigningKey");
    }
}
