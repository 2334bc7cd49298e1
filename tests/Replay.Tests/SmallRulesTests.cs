using OpsPlatform.Replay.Gateway;
using OpsPlatform.Replay.Reconcile;
using OpsPlatform.Replay.Sales;

namespace OpsPlatform.Replay.Tests;

public sealed class SmallRulesTests
{
    [Theory]
    [InlineData("2017-03-25T10:00:00", "2017-03-25T10:00:00", "winter time is UTC")]
    [InlineData("2017-03-26T00:59:59", "2017-03-26T00:59:59", "the last second before the clocks go forward")]
    [InlineData("2017-03-26T01:30:00", "2017-03-26T01:30:00", "an hour that does not exist: a clock not yet put forward")]
    [InlineData("2017-03-26T02:00:00", "2017-03-26T01:00:00", "the first second of summer time")]
    [InlineData("2017-03-26T09:08:01", "2017-03-26T08:08:01", "summer time is an hour ahead")]
    [InlineData("2016-10-30T00:30:00", "2016-10-29T23:30:00", "still summer time")]
    [InlineData("2016-10-30T01:30:00", "2016-10-30T00:30:00", "an hour that exists twice: the first one")]
    [InlineData("2016-10-30T02:00:00", "2016-10-30T02:00:00", "winter time again")]
    public void Local_times_become_utc(string local, string utc, string why)
    {
        var converted = LocalTime.ToUtc(DateTime.Parse(local));

        converted.ShouldBe(DateTime.Parse(utc), why);
        converted.Kind.ShouldBe(DateTimeKind.Utc);
    }

    [Theory]
    [InlineData(1200, 9464, 3, "orders 1,200 of 9,464 (12 %), 400/s, 0:20 left")]
    [InlineData(0, 10, 3, "orders 0 of 10 (0 %), 0.0/s, time left unknown")]
    [InlineData(1, 7201, 1, "orders 1 of 7,201 (0 %), 1.0/s, 2:00:00 left")]
    [InlineData(10, 10, 65, "orders 10 of 10 (100 %), 0.2/s, took 1:05")]
    [InlineData(0, 0, 0, "orders 0 of 0 (100 %), 0.0/s, took 0:00")]
    public void Progress_says_rate_and_time_left(int done, int total, int seconds, string line) =>
        Progress.Line("orders", done, total, TimeSpan.FromSeconds(seconds)).ShouldBe(line);

    [Fact]
    public void Ids_are_uuid_version_5()
    {
        // RFC 9562, appendix A.4.
        StableId.Of(Guid.Parse("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), "www.example.com")
            .ShouldBe(Guid.Parse("2ed6657d-e927-568b-95e1-2665a8aea6a2"));
    }

    [Fact]
    public void Ids_are_the_same_in_every_run_and_differ_between_organisations_and_things()
    {
        var (one, other) = (Guid.Parse("11111111-1111-4111-8111-111111111111"), Guid.Parse("22222222-2222-4222-8222-222222222222"));

        StableId.Order(one, 938).ShouldBe(Guid.Parse("fb8a4573-8955-5048-b002-25be71acb836"));
        new[] { StableId.Order(one, 938), StableId.Order(other, 938), StableId.Recipe(one, "938"), StableId.Ingredient(one, "938") }.ShouldBeUnique();
    }

    [Theory]
    [InlineData("--stock", "plenty")]
    [InlineData("--parallel", "0")]
    [InlineData("--parallel", "257")]
    [InlineData("--gateway", "localhost:8080")]
    [InlineData("--email", "somebody@example.org")]
    [InlineData("--report")]
    [InlineData("--fast", "yes")]
    [InlineData("--stock", "ample", "--stock", "tight")]
    public async Task Wrong_arguments_exit_2_and_say_so(params string[] args)
    {
        using var output = new StringWriter();

        (await ReplayCommand.Run(args, output, CancellationToken.None)).ShouldBe(ExitCode.InputRefused);
        output.ToString().ShouldContain(args[0]["--".Length..].Replace("email", "password"));
    }

    [Fact]
    public void The_login_comes_from_the_arguments_then_the_environment_then_the_demo()
    {
        Func<string, string?> environment = name => name == "OPS_EMAIL" ? "env@example.org" : "env-password";

        Options.Parse([], _ => null).Email.ShouldBe("demo@opsplatform.local");
        Options.Parse([], environment).Password.ShouldBe("env-password");
        Options.Parse(["--email", "a@example.org", "--password", "p"], environment).Email.ShouldBe("a@example.org");
        Options.Parse(["--register", "Shop"], _ => null).Email.ShouldBeNull();
    }

    [Fact]
    public void Stock_that_opened_otherwise_or_does_not_add_up_is_a_mismatch_per_figure()
    {
        using var folder = new PackFolder();
        var pack = folder.Read();
        var opening = pack.Ingredients.Keys.ToDictionary(id => id, _ => 10m);
        var ids = pack.Ingredients.Keys.ToDictionary(id => id, id => StableId.Ingredient(Guid.Empty, id));
        StockTotals[] totals =
        [
            new(ids["flour"], "flour", Opening: 11, 0, 0, 0, Consumed: 4, Restored: 1, Closing: 8),
            new(ids["sugar"], "sugar", Opening: 10, Increased: 3, Decreased: 2, Adjusted: -1, Consumed: 0, 0, Closing: 9),
        ];
        var mismatches = new Mismatches();

        CheckStock.Run(
            Guid.Empty, pack, opening, new Dictionary<string, decimal> { ["flour"] = 3 }, totals,
            [new(ids["flour"], "flour", 8), new(ids["sugar"], "sugar", 7)], mismatches);

        mismatches.Lines.ShouldBe(
        [
            "sugar: opening - consumed + restored + other changes and closing: expected 10, found 9",
            "sugar: closing by the log and the ingredient's stock: expected 9, found 7",
            "flour: opening stock: expected 10, found 11",
            "cola: missing in /inventory/totals",
        ]);
    }

    [Fact]
    public void A_feed_with_a_hole_a_repeat_or_an_older_version_is_not_whole()
    {
        var feed = new FeedOrder();
        Frame[] frames =
        [
            new(1, "a", "orders", "order", "o1", 1, "create"),
            new(2, "b", "orders", "order", "o1", 2, "update"),
            new(4, "c", "inventory", "order", "o1", 1, "create"),
            new(5, "b", "orders", "order", "o1", 3, "update"),
            new(6, "d", "orders", "order", "o1", 2, "update"),
            new(7, "e", "orders", "order", "o1", 3, "delete"),
            new(8, "f", "orders", "order", "o1", 1, "create"),
        ];

        foreach (var frame in frames)
        {
            feed.Take(frame);
        }

        feed.Faults(head: 9).ShouldBe(
        [
            "the feed has position 4 after 2",
            "position 5 repeats the change b of orders",
            "position 6: orders order o1 has row version 2 after 3",
            "the feed ends at position 8, its head is 9",
        ]);
    }
}
