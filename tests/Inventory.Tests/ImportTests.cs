using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using OpsPlatform.Contracts;

namespace OpsPlatform.Inventory.Tests;

public sealed class ImportTests(InventoryFixture fixture)
{
    private readonly Tenant _tenant = fixture.NewTenant();

    [Fact]
    public async Task Each_line_is_done_or_refused_by_itself_and_says_why()
    {
        var (flour, salt) = (await _tenant.HasIngredient("flour", 10), await _tenant.HasIngredient("salt", 5));
        object[] lines = [Line("flour", "increase", 2.5m, "delivery"), Line("salt", "decrease", 6), Line("nothing", "increase", 1), Line("salt", "adjustment", 4), Line("flour", "decrease", 12.5m)];

        var preview = await (await Post("/inventory/imports/preview", new { lines })).Body();
        ((int)preview["done"]!, (int)preview["refused"]!).ShouldBe((3, 2));
        preview["refusals"]!.AsArray().Select(x => ((int)x!["lineNo"]!, (string)x["code"]!, (string)x["error"]!))
            .ShouldBe([(2, "salt", "Only 5 g are in stock."), (3, "nothing", "No ingredient has this code.")]);
        (await _tenant.StockOf(flour)).ShouldBe(10);

        var (import, ended) = await Import(lines, note: "stocktaking");

        (ended.Outcome, ended.Last!.Done, ended.Last.Failed, ended.Last.Total, ended.Last.Percent).ShouldBe(("completed", 3L, 2L, 5L, 100.0));
        (await _tenant.StockOf(flour), await _tenant.StockOf(salt)).ShouldBe((0m, 4m));
        var told = await _tenant.Get($"/inventory/imports/{import}");
        ((int)told["total"]!, (int)told["applied"]!, (int)told["failed"]!, (string)told["note"]!).ShouldBe((5, 3, 2, "stocktaking"));
        (await Lines(import)).Select(x => (string)x["outcome"]!).ShouldBe(["applied", "failed", "failed", "applied", "applied"]);
        (await Lines(import, "?outcome=failed&limit=1")).Select(x => ((int)x["lineNo"]!, (string)x["error"]!))
            .ShouldBe([(2, "Only 5 g are in stock."), (3, "No ingredient has this code.")]);
        (await _tenant.Log($"&referenceId={import}")).Select(x => ((string)x["changeType"]!, (decimal)x["quantityChanged"]!, (string)x["reason"]!))
            .ShouldBe([("decrease", -12.5m, "stocktaking"), ("adjustment", -1m, "stocktaking"), ("increase", 2.5m, "delivery")]);
        await _tenant.LogAddsUp();
    }

    [Fact]
    public async Task Many_lines_of_one_ingredient_add_up()
    {
        var flour = await _tenant.HasIngredient("flour", 0);
        var (import, _) = await Import([.. Enumerable.Range(1, 450).Select(i => Line("flour", "increase", i))]);
        (await _tenant.StockOf(flour)).ShouldBe(450 * 451 / 2);
        (await Lines(import)).Count.ShouldBe(450);

        var ended = await Undo(import);
        (ended.Last!.Done, ended.Last.Failed).ShouldBe((450L, 0L));
        (await _tenant.StockOf(flour)).ShouldBe(0);
        await _tenant.LogAddsUp();
    }

    [Fact]
    public async Task An_import_is_taken_back_but_for_what_moved_since_and_the_preview_says_so_before()
    {
        var (flour, salt, plum, gone) = (await _tenant.HasIngredient("flour", 10), await _tenant.HasIngredient("salt", 5), await _tenant.HasIngredient("plum", 1), await _tenant.HasIngredient("gone", 0));
        var (import, _) = await Import([Line("flour", "increase", 5), Line("salt", "adjustment", 9), Line("plum", "increase", 3), Line("plum", "decrease", 2), Line("gone", "increase", 1), Line("no", "increase", 1)]);
        await Post($"/ingredients/{salt}/stock", new { changeType = "decrease", quantity = 1 });
        await Post($"/ingredients/{flour}/stock", new { changeType = "decrease", quantity = 11 });
        (await _tenant.Client.DeleteAsync($"/ingredients/{gone}")).EnsureSuccessStatusCode();

        var preview = await _tenant.Get($"/inventory/imports/{import}/undo");
        ((int)preview["done"]!, (int)preview["refused"]!).ShouldBe((2, 3));
        await Undo(import);

        (await _tenant.StockOf(flour), await _tenant.StockOf(salt), await _tenant.StockOf(plum)).ShouldBe((4m, 8m, 1m));
        (await Lines(import)).Select(x => ((string)x["outcome"]!, (string?)x["error"])).ShouldBe([
            ("not_undone", "Only 4 g are left of what came."),
            ("not_undone", "It moved since: 9 g were counted and 8 are there."),
            ("undone", null),
            ("undone", null),
            ("not_undone", "The ingredient was deleted since."),
            ("failed", "No ingredient has this code."),
        ]);
        preview["refusals"]!.AsArray().Select(x => (string)x!["error"]!).ShouldBe([
            "The ingredient was deleted since.", "It moved since: 9 g were counted and 8 are there.", "Only 4 g are left of what came."]);
        await (await Post($"/inventory/imports/{import}/undo")).ShouldRefuse(409, "import-undone");
        await _tenant.LogAddsUp();
    }

    [Fact]
    public async Task Two_who_take_an_import_back_at_once_take_it_back_once()
    {
        var flour = await _tenant.HasIngredient("flour", 0);
        var (import, _) = await Import([Line("flour", "increase", 5), Line("flour", "increase", 5)]);
        var ends = await fixture.Broker.Listen<OperationEnded>();
        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Post($"/inventory/imports/{import}/undo")));
        answers.Select(answer => answer.StatusCode).Order().ShouldBe([HttpStatusCode.Accepted, HttpStatusCode.Conflict, HttpStatusCode.Conflict, HttpStatusCode.Conflict]);
        (await ends.Next(_tenant.Org)).Message.Outcome.ShouldBe("completed");
        (await _tenant.StockOf(flour)).ShouldBe(0);
    }

    [Theory]
    [InlineData("""{"lines":[]}""")]
    [InlineData("""{"lines":[{"code":"","changeType":"increase","quantity":1}]}""")]
    [InlineData("""{"lines":[{"code":"a","changeType":"consumption","quantity":1}]}""")]
    [InlineData("""{"lines":[{"code":"a","changeType":"increase","quantity":0}]}""")]
    [InlineData("""{"lines":[{"code":"a","changeType":"increase","quantity":-1}]}""")]
    [InlineData("""{"lines":[{"code":"a","changeType":"increase"}]}""")]
    [InlineData("""{"lines":[null]}""")]
    public async Task What_does_not_fit_is_refused_as_a_whole(string body)
    {
        foreach (var path in (string[])["/inventory/imports", "/inventory/imports/preview"])
        {
            using var content = new StringContent(body, null, "application/json");
            var answer = await _tenant.Client.PostAsync(path, content);
            answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
            (await answer.ProblemType()).ShouldStartWith("invalid");
        }
    }

    [Fact]
    public async Task An_id_is_taken_once_and_an_import_is_nobody_elses()
    {
        await _tenant.HasIngredient("flour", 0);
        var (import, _) = await Import([Line("flour", "increase", 5)]);
        await (await Post("/inventory/imports", new { lines = new[] { Line("flour", "increase", 5) }, id = import })).ShouldRefuse(409, "id-taken");

        var stranger = fixture.NewTenant();
        foreach (var path in (string[])["", "/lines", "/undo"])
        {
            (await stranger.Client.GetAsync($"/inventory/imports/{import}{path}")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        }

        (await stranger.Client.PostAsync($"/inventory/imports/{import}/undo", null)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await _tenant.As("viewer").PostAsync($"/inventory/imports/{import}/undo", null)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
    }

    private static object Line(string code, string changeType, decimal quantity, string? reason = null) => new { code, changeType, quantity, reason };

    private Task<HttpResponseMessage> Post(string path, object? body = null) => _tenant.Client.PostAsJsonAsync(path, body ?? new { });

    private async Task<(Guid Import, OperationEnded Ended)> Import(object[] lines, string? note = null)
    {
        var ends = await fixture.Broker.Listen<OperationEnded>();
        var answer = await Post("/inventory/imports", new { lines, note });
        answer.StatusCode.ShouldBe(HttpStatusCode.Accepted, await answer.Content.ReadAsStringAsync());
        var id = (Guid)(await answer.Body())["id"]!;
        answer.Headers.GetValues("Operation-Location").ShouldBe([$"/operations/{id}/status"]);
        return (id, (await ends.Next(_tenant.Org)).Message);
    }

    private async Task<OperationEnded> Undo(Guid import)
    {
        var ends = await fixture.Broker.Listen<OperationEnded>();
        (await Post($"/inventory/imports/{import}/undo")).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        var ended = (await ends.Next(_tenant.Org)).Message;
        ended.Outcome.ShouldBe("completed", ended.Error);
        return ended;
    }

    private async Task<List<JsonNode>> Lines(Guid import, string query = "?limit=200")
    {
        List<JsonNode> lines = [];
        for (string? cursor = null; ;)
        {
            var page = await _tenant.Get($"/inventory/imports/{import}/lines{query}{(cursor is null ? "" : $"&cursor={cursor}")}");
            lines.AddRange(page["items"]!.AsArray()!);
            if ((cursor = (string?)page["nextCursor"]) is null)
            {
                return lines;
            }
        }
    }
}
