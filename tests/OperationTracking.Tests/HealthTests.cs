using System.Net;

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
}
