using OpsPlatform.Replay.Gateway;
using OpsPlatform.Replay.Pack;
using OpsPlatform.Replay.Sales;

namespace OpsPlatform.Replay;

/// <summary>The whole tool behind its command line.</summary>
internal static class ReplayCommand
{
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static async Task<int> Run(string[] args, TextWriter output, CancellationToken cancel)
    {
        if (args is ["--help" or "-h" or "help"])
        {
            output.WriteLine(Options.Usage);
            return ExitCode.Reconciled;
        }

        try
        {
            return await Run(Options.Parse(args, Environment.GetEnvironmentVariable), TextWriter.Synchronized(output), IsTerminal(output), cancel);
        }
        catch (Exception error) when (error is InputException or FileRefusedException)
        {
            output.WriteLine($"Refused: {error.Message}");
            return ExitCode.InputRefused;
        }
        catch (ServicesException error)
        {
            output.WriteLine($"Failed: {error.Message}");
            return ExitCode.ServicesFailed;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            output.WriteLine("Interrupted. Running it again goes on where it stopped; nothing is done twice.");
            return ExitCode.Interrupted;
        }
    }

    private static bool IsTerminal(TextWriter output) => ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected;

    private static async Task<int> Run(Options options, TextWriter output, bool isTerminal, CancellationToken cancel)
    {
        var pack = ReadPack.From(options.DataFolder);
        output.WriteLine(
            $"Pack: {pack.Ingredients.Values.Count(i => !i.IsResale)} ingredients, {pack.Ingredients.Values.Count(i => i.IsResale)} resale goods, "
            + $"{pack.Recipes.Count} recipes, {pack.Items.Count} items.");

        if (pack.HouseIngredients.Any())
        {
            output.WriteLine($"Not in {ReadPack.IngredientsFile}, taken from {ReadPack.HouseRecipesFile} at no cost: {string.Join(", ", pack.HouseIngredients)}.");
        }

        var tickets = ChooseSales.From(options.DataFolder, options.SalesFile, pack, output);

        if (options.ReportFile is { } file && Path.GetDirectoryName(Path.GetFullPath(file)) is { } folder && !Directory.Exists(folder))
        {
            throw new InputException($"There is no folder '{folder}' to write the report to.");
        }

        var clock = TimeProvider.System;
        using var client = new GatewayClient(options.Gateway, options.Parallel, options.Patience, clock, output);
        using var session = await SignIn(options, client, clock, output, cancel);
        client.Session = session;

        var report = await new ReplayRun(options, client, session.OrganisationId, pack, tickets, clock, output, isTerminal).Run(cancel);

        if (options.ReportFile is not null)
        {
            await Write(report, options.ReportFile, cancel);
        }

        return report.Mismatches.Count == 0 ? ExitCode.Reconciled : ExitCode.Mismatch;
    }

    private static async Task Write(Report report, string file, CancellationToken cancel)
    {
        try
        {
            await File.WriteAllTextAsync(file, report.ToJson() + "\n", cancel);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"The report could not be written: {error.Message}");
        }
    }

    private static async Task<Session> SignIn(
        Options options, GatewayClient client, TimeProvider clock, TextWriter output, CancellationToken cancel)
    {
        if (options.Register is null)
        {
            return await Session.Login(client, clock, options.Email!, options.Password!, cancel);
        }

        var email = options.Email ?? $"replay-{Guid.NewGuid():N}@opsplatform.local";
        var password = options.Password ?? $"Replay-{Guid.NewGuid():N}-1";
        var organisation = new NewOrganisation(options.Register, BakeryPack.Currency, BakeryPack.TimeZone, DayStartsAt: "04:00");
        var session = await Session.Register(client, clock, new Registration(email, password, "Replay", organisation), cancel);
        output.WriteLine($"Registered '{options.Register}'. To come back: --email {email} --password {password}");

        return session;
    }
}
