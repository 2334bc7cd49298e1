namespace OpsPlatform.Chaos.Tests;

public sealed class OptionsTests
{
    [Fact]
    public void What_is_given_is_taken_and_told_as_the_command_that_does_it_again()
    {
        var options = Options.Parse(["--seed", "7", "--minutes", "30", "--events", "12", "--state", "/tmp/somewhere"]);

        options.ShouldBe(new Options(7, 30, 12, "/tmp/somewhere"));
        options.IsSoak.ShouldBeTrue();
        options.Command.ShouldBe("./run chaos --seed 7 --minutes 30 --events 12");
    }

    [Fact]
    public void Without_a_seed_there_is_one_by_chance_and_the_command_names_it()
    {
        var options = Options.Parse([]);

        options.Minutes.ShouldBe(5);
        options.Events.ShouldBeNull();
        options.IsSoak.ShouldBeFalse();
        options.Command.ShouldBe($"./run chaos --seed {options.Seed} --minutes 5");
    }

    [Theory]
    [InlineData("--minutes", "0")]
    [InlineData("--minutes", "241")]
    [InlineData("--events", "0")]
    [InlineData("--seed", "-1")]
    [InlineData("--seed", "seven")]
    [InlineData("--seed")]
    [InlineData("--seed", "1", "--seed", "2")]
    [InlineData("--quick", "yes")]
    public async Task What_is_not_understood_is_refused_before_anything_starts(params string[] args)
    {
        await using var output = new StringWriter();

        (await ChaosCommand.Run(args, output, TestContext.Current.CancellationToken)).ShouldBe(ChaosCommand.Refused);

        output.ToString().ShouldContain(args[0]);
        output.ToString().ShouldNotContain("healthy");
    }
}
