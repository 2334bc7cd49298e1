using System.Net.Http.Headers;
using System.Text;

namespace OpsPlatform.Orders.Tests.Orders;

[Collection(nameof(OrdersCollection))]
public sealed class InvalidOrderTests(OrdersFixture fixture)
{
    private readonly Shop _shop = fixture.Shop();

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"lines":[]}""")]
    [InlineData("""{"lines":null}""")]
    [InlineData("""{"lines":[null]}""")]
    [InlineData("""{"lines":[{"menuItemId":"ITEM","quantity":0}]}""")]
    [InlineData("""{"lines":[{"menuItemId":"ITEM","quantity":-1}]}""")]
    [InlineData("""{"lines":[{"menuItemId":"ITEM","quantity":10001}]}""")]
    [InlineData("""{"lines":[{"menuItemId":"ITEM","quantity":1.5}]}""")]
    [InlineData("""{"lines":[{"menuItemId":"ITEM","quantity":"1"}]}""")]
    [InlineData("""{"lines":[{"menuItemId":"ITEM","quantity":99999999999999999999}]}""")]
    [InlineData("""{"lines":[{"menuItemId":"ITEM"}]}""")]
    [InlineData("""{"lines":[{"quantity":1}]}""")]
    [InlineData("""{"lines":[{"menuItemId":"coffee","quantity":1}]}""")]
    [InlineData("""{"lines":[{"menuItemId":"ITEM","quantity":1,"quantity":2}]}""")]
    [InlineData("""{"id":"7","lines":[{"menuItemId":"ITEM","quantity":1}]}""")]
    [InlineData("""{"confirm":"yes","lines":[{"menuItemId":"ITEM","quantity":1}]}""")]
    [InlineData("""{"status":"confirmed","lines":[{"menuItemId":"ITEM","quantity":1}]}""")]
    [InlineData("""{"customer":{},"lines":[{"menuItemId":"ITEM","quantity":1}]}""")]
    [InlineData("""{"customer":{"email":"nobody"},"lines":[{"menuItemId":"ITEM","quantity":1}]}""")]
    [InlineData("""{"customer":{"externalId":""},"lines":[{"menuItemId":"ITEM","quantity":1}]}""")]
    [InlineData("""{"customer":{"email":"a@example.org","externalId":"7"},"lines":[{"menuItemId":"ITEM","quantity":1}]}""")]
    [InlineData("""{"customer":{"externalId":"a\u0000b"},"lines":[{"menuItemId":"ITEM","quantity":1}]}""")]
    [InlineData("""{"note":"a\u0000b","lines":[{"menuItemId":"ITEM","quantity":1}]}""")]
    public async Task A_body_that_does_not_fit_is_refused_and_nothing_stored(string body)
    {
        var item = await _shop.Item();

        var answer = await Send(body.Replace("ITEM", item.ToString(), StringComparison.Ordinal));

        ((int)answer.StatusCode).ShouldBe(400, await answer.Content.ReadAsStringAsync());
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json");
        (await _shop.Count("orders")).ShouldBe(0);
        (await _shop.Count("customers")).ShouldBe(0);
    }

    [Fact]
    public async Task At_most_200_lines_and_500_characters_of_note_are_taken()
    {
        var items = Enumerable.Repeat(await _shop.Item(), 200).ToArray();

        await Shop.Created(await _shop.Place(new { note = new string('n', 500), lines = Shop.Lines(items) }));
        await Shop.Refused(await _shop.Place(new { lines = Shop.Lines([.. items, items[0]]) }), 400, "invalid");
        await Shop.Refused(await _shop.Place(new { note = new string('n', 501), lines = Shop.Lines(items) }), 400, "invalid");

        (await _shop.Count("orders")).ShouldBe(1);
    }

    [Theory]
    [InlineData("/orders?status=lost")]
    [InlineData("/orders?status=1")]
    [InlineData("/orders?limit=0")]
    [InlineData("/orders?limit=201")]
    [InlineData("/orders?limit=many")]
    [InlineData("/orders?cursor=nonsense")]
    [InlineData("/orders?from=yesterday")]
    [InlineData("/menu?cursor=nonsense")]
    [InlineData("/customers?cursor=nonsense")]
    public async Task A_question_that_does_not_fit_is_refused(string question) =>
        await Shop.Refused(await _shop.Till.GetAsync(question), 400, "invalid");

    private Task<HttpResponseMessage> Send(string body) =>
        _shop.Till.PostAsync("/orders", new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue("application/json")));
}
