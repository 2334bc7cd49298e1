using System.Text.Json;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>What a worker says of its operation beside progress.</summary>
public sealed class DescriptionTests : ScriptedOperations
{
    [Fact]
    public async Task All_that_an_attempt_has_said_is_told_when_it_has_changed_and_with_its_last_word()
    {
        var goOn = new SemaphoreSlim(0);
        using var answer = await Start(async (operation, _, cancel) =>
        {
            if (operation.Attempt == 2)
            {
                return null;
            }

            operation.Describe(new { sheet = "March", lines = new { read = 3 } });
            await goOn.WaitAsync(cancel);
            operation.Report(new(1, 2, Message: "nothing new of it"));
            await goOn.WaitAsync(cancel);
            operation.Describe(new { lines = (object?)null, shop = "north" });
            throw new InvalidOperationException("try again");
        });

        Told((await Reports.Next(Org, x => x.Metadata is not null)).Message.Metadata, """{"sheet":"March","lines":{"read":3}}""");
        goOn.Release();
        (await Reports.Next(Org, x => x.Message is not null)).Message.Metadata.ShouldBeNull();
        goOn.Release();
        Told((await Reports.Next(Org, x => x.RetryAt is not null)).Message.Metadata, """{"sheet":"March","lines":null,"shop":"north"}""");
        // The attempt that ends it has said nothing: what is there stays.
        (await Ends.Next(Org)).Message.Last!.Metadata.ShouldBeNull();
    }

    [Fact]
    public async Task The_end_tells_all_again()
    {
        using var answer = await Start((operation, _, _) =>
        {
            for (var n = 0; n < 10_000; n++)
            {
                operation.Describe(new { n });
            }

            return Task.FromResult<object?>(null);
        });
        Told((await Ends.Next(Org)).Message.Last!.Metadata, """{"n":9999}""");
    }

    [Fact]
    public async Task Too_much_or_no_object_is_refused_before_it_is_sent_and_what_was_said_stays()
    {
        using var answer = await Start((operation, _, _) =>
        {
            operation.Describe(new { a = new string('x', 200_000) });
            Should.Throw<ArgumentException>(() => operation.Describe(new { b = new string('y', 62_200) })).Message.ShouldContain("262144");
            Should.Throw<ArgumentException>(() => operation.Describe("text")).Message.ShouldContain("String");
            operation.Describe(new { a = 1, b = new string('y', 262_000) });
            return Task.FromResult<object?>(null);
        });
        var ended = (await Ends.Next(Org)).Message;
        ended.Outcome.ShouldBe("completed");
        JsonElement.Parse(ended.Last!.Metadata!).GetProperty("b").GetString()!.Length.ShouldBe(262_000);
    }

    private static void Told(string? metadata, string expected) => JsonElement.DeepEquals(JsonElement.Parse(metadata!), JsonElement.Parse(expected)).ShouldBeTrue(metadata);
}
