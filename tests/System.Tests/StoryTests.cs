using System.Text.Json;

namespace OpsPlatform.System.Tests;

[Collection(nameof(SystemCollection))]
public sealed class StoryTests(RunningSystem system, ITestOutputHelper output)
{
    /// <summary>Each causes the next; what the broker confirmed may be told after a listener has it already.</summary>
    private static readonly string[] Confirmation =
    [
        "orders received http",
        "orders captured order_updated",
        "orders written OrderConfirmationRequested",
        "orders sent OrderConfirmationRequested",
        "inventory heard OrderConfirmationRequested",
        "inventory captured inventory_updated",
        "inventory written StockConsumed",
        "inventory sent StockConsumed",
        "orders heard StockConsumed",
        "orders captured order_updated",
        "sync appended order_updated",
        "sync delivered order_updated",
    ];

    [Fact]
    public async Task A_watched_order_tells_every_step_to_the_reader_in_causal_order()
    {
        using var owner = await system.Register("Story");
        var flour = (await owner.Post("/ingredients", Shop.Ingredient("flour", 1000))).GetProperty("id").GetGuid();
        var item = await Shop.MenuItem(owner, "bread", (flour, 100m));
        using var watching = await owner.Client.GetAsync("/sync/feed?stream=1", HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await watching.Content.ReadAsStreamAsync());
        await Read(reader, "event: ready");

        var order = (await owner.Post("/orders", new { lines = new[] { new { menuItemId = item, quantity = 1 } } })).GetProperty("id").GetGuid();
        await owner.Client.PostAsync($"/orders/{order}/confirm", null);
        await Read(reader, "\"status\": \"confirmed\"", "\"status\":\"confirmed\"");

        // What the feed did is stored a second or two later, by each replica for itself.
        var story = await Eventually.Is(() => owner.Get($"/orders/{order}/story"), told => Missing(told) is null);
        output.WriteLine(story.GetRawText());
        story.GetProperty("missing").GetArrayLength().ShouldBe(0);
        story.GetProperty("requests").GetArrayLength().ShouldBe(2);
        story.GetProperty("requests")[1].GetProperty("durationMs").GetDouble().ShouldBeInRange(1, 30_000);
        var traces = story.GetProperty("requests")[1].GetProperty("steps").EnumerateArray().Select(step => step.GetProperty("traceId").GetString()).Where(trace => trace is not null);
        traces.Distinct().Count().ShouldBe(1);
    }

    /// <returns>The first step that is not told, or told before the one it follows from.</returns>
    private static string? Missing(JsonElement story)
    {
        var at = DateTimeOffset.MinValue;
        foreach (var (step, n) in Confirmation.Select((step, n) => (step, n)))
        {
            // The order is updated twice: when it is asked for, and when it is decided.
            if (Find(story, step, at, last: n > 8) is not { } found)
            {
                return step;
            }

            at = found;
        }

        return null;
    }

    private static DateTimeOffset? Find(JsonElement story, string step, DateTimeOffset notBefore, bool last)
    {
        var requests = story.GetProperty("requests");
        if (requests.GetArrayLength() < 2)
        {
            return null;
        }

        var times = requests[1].GetProperty("steps").EnumerateArray()
            .Where(x => $"{x.GetProperty("service")} {x.GetProperty("what")} {x.GetProperty("name")}" == step)
            .Select(x => x.GetProperty("at").GetDateTimeOffset()).Where(at => at >= notBefore).Order().ToArray();
        return times.Length == 0 ? null : last ? times[^1] : times[0];
    }

    private static async Task Read(StreamReader reader, params string[] until)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (await reader.ReadLineAsync(timeout.Token) is { } line)
        {
            if (until.Any(line.Contains))
            {
                return;
            }
        }

        throw new EndOfStreamException("The stream ended first.");
    }
}
