using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace OpsPlatform.System.Tests;

[Collection(nameof(SystemCollection))]
public sealed class IdempotencyTests(RunningSystem system)
{
    [Fact]
    public async Task Every_POST_of_every_service_takes_an_idempotency_key_or_says_why_not()
    {
        using var client = new HttpClient { BaseAddress = system.Gateway };
        var document = await Eventually.Is(() => client.GetFromJsonAsync<JsonElement>("/openapi.json"), whole => !whole.TryGetProperty("x-unavailable", out _));
        IdempotencyDocument.Undeclared(document.GetProperty("paths")).ShouldBeEmpty();
    }

    [Fact]
    public async Task Stock_received_twice_under_one_key_through_the_gateway_is_received_once()
    {
        using var owner = await system.Register("Keyed");
        var flour = (await owner.Post("/ingredients", Shop.Ingredient("flour", 100))).GetProperty("id").GetGuid();
        for (var n = 0; n < 2; n++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/ingredients/{flour}/stock")
            {
                Content = JsonContent.Create(new { changeType = "increase", quantity = 7, referenceType = "purchase" }),
            };
            request.Headers.Add("Idempotency-Key", "\"delivery 4711\"");
            var answer = await owner.Client.SendAsync(request);
            (answer.StatusCode, answer.Headers.Contains("Idempotent-Replayed")).ShouldBe((HttpStatusCode.Created, n == 1));
        }

        (await owner.Get($"/ingredients/{flour}")).GetProperty("stock").GetDecimal().ShouldBe(107);
    }
}
