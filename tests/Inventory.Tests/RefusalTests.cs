using System.Net.Http.Json;

namespace OpsPlatform.Inventory.Tests;

public sealed class RefusalTests(InventoryFixture fixture)
{
    private readonly Tenant _tenant = fixture.NewTenant();

    [Theory]
    [InlineData("/inventory/nothing")]
    [InlineData("/inventory/nothing/at/all")]
    [InlineData("/inventory/nothing.json")]
    public async Task A_path_that_is_not_there_is_not_found_whatever_the_method(string path)
    {
        foreach (var method in (HttpMethod[])[HttpMethod.Get, HttpMethod.Post, HttpMethod.Put, HttpMethod.Patch, HttpMethod.Delete])
        {
            using var request = new HttpRequestMessage(method, path);
            await (await _tenant.Client.SendAsync(request)).ShouldRefuse(404, "not-found");
        }
    }

    [Theory]
    [InlineData("/inventory/ingredients/bulk", 0, "is too short: it has 0 entries and needs at least 1")]
    [InlineData("/inventory/ingredients/bulk", 10_001, "is too long: it has 10001 entries and may have at most 10000")]
    [InlineData("/inventory/imports", 0, "is too short: it has 0 entries and needs at least 1")]
    public async Task Too_few_lines_or_too_many_are_counted_to_the_caller(string path, int count, string reason)
    {
        var answer = await _tenant.Client.PostAsJsonAsync(path, new { lines = Enumerable.Repeat(new { code = "flour", reorderPoint = 1 }, count) });
        await answer.ShouldRefuse(400, "invalid");
        ((string)(await answer.Body())["errors"]!["lines"]![0]!).ShouldBe(reason);
    }
}
