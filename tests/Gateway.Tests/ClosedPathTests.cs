using System.Net;

namespace OpsPlatform.Gateway.Tests;

public sealed class ClosedPathTests
{
    [Theory]
    [InlineData("/identity/token")]
    [InlineData("/identity/token/")]
    [InlineData("/IDENTITY/Token")]
    [InlineData("/identity/%74oken")]
    public async Task Where_services_prove_themselves_nobody_comes_through_the_gateway(string path)
    {
        await using var gateway = await TestGateway.Start();

        foreach (var client in new[] { gateway.Client(), gateway.Anonymous() })
        {
            foreach (var method in new[] { HttpMethod.Post, HttpMethod.Get })
            {
                await (await client.SendAsync(new HttpRequestMessage(method, path))).ShouldBeProblem(HttpStatusCode.NotFound, "no-such-path");
            }
        }
    }
}
