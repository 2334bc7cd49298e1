using System.Text.Json;

namespace OpsPlatform.Replay.Tests;

public sealed class ReplayTests : IAsyncLifetime
{
    private readonly string report = Path.Combine(Path.GetTempPath(), $"replay-{Guid.NewGuid():N}.json");
    private ApiStandIn api = null!;

    public async ValueTask InitializeAsync() => api = await ApiStandIn.Start();

    public async ValueTask DisposeAsync()
    {
        api.Unknown.ShouldBeEmpty();
        await api.DisposeAsync();
        File.Delete(report);
    }

    [Fact]
    public async Task The_demo_pack_reconciles_and_the_report_says_so()
    {
        var (code, text) = await Run();

        code.ShouldBe(ExitCode.Reconciled, text);
        var figures = Report();
        Number(figures, "tickets").ShouldBe(120);
        (Number(figures, "ordersConfirmed"), Number(figures, "ordersRejected")).ShouldBe((119, 0));
        Number(figures, "capturedChanges").ShouldBe(Number(figures, "feedEntries"));
        figures.GetProperty("consumedGrams").GetProperty("roast-coffee").GetDecimal().ShouldBeGreaterThan(0);
        // Four pairs of jars and four single ones.
        figures.GetProperty("consumedPieces").GetProperty("marmalade-jar").GetDecimal().ShouldBe(12);
        text.ShouldContain("orders 119 of 119 (100 %)");
        text.ShouldNotContain("\r[");
    }

    [Fact]
    public async Task A_second_run_makes_nothing_and_reports_the_same()
    {
        await Run();
        var (first, made) = (Report(), api.Created);

        (await Run()).Code.ShouldBe(ExitCode.Reconciled);

        api.Created.ShouldBe(made);

        foreach (var figure in new[] { "tickets", "ordersConfirmed", "ordersRejected", "revenueMinor", "consumedGrams", "consumedPieces", "feedEntries" })
        {
            Report().GetProperty(figure).GetRawText().ShouldBe(first.GetProperty(figure).GetRawText(), figure);
        }
    }

    [Fact]
    public async Task With_tight_stock_orders_are_rejected_and_the_figures_still_agree()
    {
        (await Run("--stock", "tight")).Code.ShouldBe(ExitCode.Reconciled);

        Number(Report(), "ordersRejected").ShouldBeGreaterThan(0);
        (Number(Report(), "ordersConfirmed") + Number(Report(), "ordersRejected")).ShouldBe(119);
    }

    [Fact]
    public async Task Lost_answers_limits_and_outages_change_no_figure()
    {
        api.Faults = (number, _) => (number % 12) switch
        {
            3 => Fault.Busy,
            6 => Fault.Broken,
            9 => Fault.AnswerLost,
            _ => Fault.None,
        };

        var (code, text) = await Run();

        code.ShouldBe(ExitCode.Reconciled, text);
        Number(Report(), "ordersConfirmed").ShouldBe(119);
        Number(Report(), "retries").ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task A_token_that_ends_is_renewed_without_a_new_login()
    {
        api.Faults = (number, _) =>
        {
            if (number is 40 or 120)
            {
                api.ExpireToken();
            }

            return Fault.None;
        };

        var (code, text) = await Run("--parallel", "1");

        code.ShouldBe(ExitCode.Reconciled, text);
        (api.Logins, api.Refreshes).ShouldBe((1, 2));
    }

    [Fact]
    public async Task Registering_needs_no_login()
    {
        var (code, text) = await Run("--register", "A fresh shop");

        code.ShouldBe(ExitCode.Reconciled, text);
        api.Logins.ShouldBe(0);
        text.ShouldContain("To come back: --email");
    }

    [Fact]
    public async Task A_wrong_consumption_is_a_mismatch_line_per_ingredient_and_exits_1()
    {
        api.ExtraConsumption = 0.000001m;

        var (code, text) = await Run();

        code.ShouldBe(ExitCode.Mismatch);
        text.ShouldContain("MISMATCH apple-juice: consumption in piece, recomputed and in stock: expected 7, found 7.00000");
        Report().GetProperty("mismatches").GetArrayLength().ShouldBe(17);
    }

    [Fact]
    public async Task A_hole_in_the_feed_exits_1()
    {
        api.LosesFeedEntry = true;

        var (code, text) = await Run();

        code.ShouldBe(ExitCode.Mismatch);
        text.ShouldContain("MISMATCH the feed has position 18 after 16");
    }

    [Fact]
    public async Task Another_stock_in_the_same_organisation_exits_2_and_says_what_to_do()
    {
        await Run();

        var (code, text) = await Run("--stock", "tight");

        code.ShouldBe(ExitCode.InputRefused);
        text.ShouldContain("--register NAME");
    }

    [Fact]
    public async Task An_organisation_of_another_currency_exits_2_before_anything_is_made()
    {
        api.Currency = "EUR";

        (await Run()).Code.ShouldBe(ExitCode.InputRefused);
        api.Created.ShouldBe(0);
    }

    [Fact]
    public async Task A_refused_login_exits_2()
    {
        var (code, text) = await Run("--email", "a@example.org", "--password", "wrong");

        code.ShouldBe(ExitCode.InputRefused);
        text.ShouldContain("invalid-credentials");
    }

    [Fact]
    public async Task A_gateway_that_stays_broken_exits_3_when_patience_ends()
    {
        api.Faults = (_, path) => path == "/orders" ? Fault.Broken : Fault.None;

        var (code, text) = await Run("--patience", "1");

        code.ShouldBe(ExitCode.ServicesFailed);
        text.ShouldContain("Nothing succeeded for 1 s; last: POST");
        text.ShouldContain("503");
    }

    [Fact]
    public async Task An_interrupted_run_exits_130()
    {
        using var stop = new CancellationTokenSource();
        api.Faults = (number, _) =>
        {
            if (number == 60)
            {
                stop.Cancel();
            }

            return Fault.None;
        };
        using var output = new StringWriter();

        (await ReplayCommand.Run(["--gateway", api.Address], output, stop.Token)).ShouldBe(ExitCode.Interrupted);
        output.ToString().ShouldContain("goes on where it stopped");
    }

    private async Task<(int Code, string Text)> Run(params string[] more)
    {
        using var output = new StringWriter();
        var code = await ReplayCommand.Run(["--gateway", api.Address, "--report", report, .. more], output, CancellationToken.None);

        return (code, output.ToString());
    }

    private JsonElement Report() => JsonDocument.Parse(File.ReadAllText(report)).RootElement.Clone();

    private static int Number(JsonElement report, string name) => report.GetProperty(name).GetInt32();
}
