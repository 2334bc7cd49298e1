using System.Net;

namespace OpsPlatform.Analytics.Tests;

public sealed class HealthTests(AnalyticsFixture service)
{
    [Fact]
    public async Task It_starts_and_is_healthy()
    {
        using var client = service.Anonymous();
        using var answer = await client.GetAsync("/health");
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
    }
}
