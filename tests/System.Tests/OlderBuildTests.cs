using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using RabbitMQ.Client;

namespace OpsPlatform.System.Tests;

/// <summary>Services are deployed one by one, so builds of different age meet: over messages, over a database, over HTTP.</summary>
[Collection(nameof(SystemCollection))]
public sealed class OlderBuildTests(RunningSystem system, ITestOutputHelper output)
{
    /// <summary>A build that ran in earnest before the one at hand; moved on when what it says is no longer supported.</summary>
    private const string OlderCommit = "03dca7fafebb415083495324905396ab20894d3c";

    private static readonly string[] NeededByOrders =
        ["services/Orders", "ServiceDefaults", "Contracts", "Directory.Build.props", "Directory.Packages.props", ".editorconfig", "global.json"];

    [Fact]
    public async Task Messages_of_an_older_and_of_a_newer_build_are_applied_and_unknown_ones_hold_nobody_up()
    {
        using var organisation = await system.Register("Ages");
        var sugar = (await organisation.Post("/ingredients", Resale("sugar", 100))).GetProperty("id").GetGuid();
        await using var broker = await new ConnectionFactory { Uri = new((await system.App.GetConnectionStringAsync("messaging"))!) }.CreateConnectionAsync();
        await using var channel = await broker.CreateChannelAsync();

        // Older: without what was added to the envelope since the first build. Newer: with fields nobody here knows.
        await Send(channel, "OrderConfirmationRequested", Group(organisation.Id, Request(sugar, 1), older: true));
        await Send(channel, "OrderConfirmationRequested", Group(organisation.Id, Request(sugar, 10).Replace("{\"orderId\"", "{\"promisedFor\":\"2030-01-01\",\"lots\":[{\"a\":1}],\"orderId\"", StringComparison.Ordinal), older: false));
        await Send(channel, "SomethingOfTheFuture", Group(organisation.Id, "{\"x\":1}", older: false), queue: "inventory.OrderConfirmationRequested");
        await Send(channel, "OrderConfirmationRequested", Group(organisation.Id, Request(sugar, 20), older: false));

        await Eventually.Is(
            async () => (await organisation.Get($"/ingredients/{sugar}")).GetProperty("stock").GetDecimal(), stock => stock == 69);
    }

    [Fact]
    public async Task An_older_build_of_orders_works_with_the_newer_others()
    {
        var source = await OlderSource();
        Assert.SkipWhen(source is null, $"The commit {OlderCommit} is not in this checkout (git fetch --unshallow brings it), so its Orders cannot be built.");
        try
        {
            await Run("dotnet", source!, "build", "services/Orders/Orders.csproj", "-c", Configuration, "-v", "quiet", "-nologo", "-p:RunAnalyzersDuringBuild=false");
            using var timeout = new CancellationTokenSource(TimeSpan.FromMinutes(5));
            var builder = await DistributedApplicationTestingBuilder.CreateAsync<AppHostMarker>(["UseVolumes=false"], timeout.Token);
            var orders = builder.Resources.OfType<ProjectResource>().Single(project => project.Name == "orders");
            builder.CreateResourceBuilder(orders).WithAnnotation<IProjectMetadata>(
                new OlderProject(Path.Combine(source!, "services", "Orders", "Orders.csproj")), ResourceAnnotationMutationBehavior.Replace);
            await using var app = await builder.BuildAsync(timeout.Token);
            await app.StartAsync(timeout.Token);
            await app.ResourceNotifications.WaitForResourceHealthyAsync("gateway", timeout.Token);
            var gateway = app.GetEndpoint("gateway", "http");
            using var organisation = await Organisation.Register(gateway, "Older orders");
            var run = await Replays.Run(gateway, output, organisation);
            run.ExitCode.ShouldBe(0);
            run.Figure("ordersRejected").ShouldBe(0);
            await app.StopAsync(CancellationToken.None);
        }
        finally
        {
            Directory.Delete(source!, recursive: true);
        }
    }

#if DEBUG
    private const string Configuration = "Debug";
#else
    private const string Configuration = "Release";
#endif

    private static object Resale(string code, decimal stock) => new
    {
        code,
        name = code,
        category = "test",
        kind = "resale",
        unit = "piece",
        openingStock = stock,
        reorderPoint = 0,
        usageRate = 0,
        unitCostMinor = 1,
    };

    private static string Request(Guid ingredient, int quantity) =>
        $$"""{"orderId":"{{Guid.NewGuid()}}","demands":[{"kind":"resale","targetId":"{{ingredient}}","quantity":{{quantity}}}]}""";

    private static string Group(Guid org, string message, bool older)
    {
        var more = older ? "" : ""","actor":"test","traceParent":null,"tenantRegion":"eu" """;
        return $$"""{"items":[{"id":"{{Guid.CreateVersion7()}}","orgId":"{{org}}","correlationId":"{{Guid.NewGuid()}}","sentAt":"2026-01-01T00:00:00Z"{{more}},"message":{{message}}}]}""";
    }

    private static async Task Send(IChannel channel, string type, string group, string? queue = null)
    {
        var urn = $"urn:message:OpsPlatform.Contracts:MessageGroup[[OpsPlatform.Contracts:{type}]]";
        var body = Encoding.UTF8.GetBytes($$"""{"messageId":"{{Guid.NewGuid()}}","messageType":["{{urn}}"],"message":{{group}},"futureField":true}""");
        JsonDocument.Parse(body).Dispose();
        await channel.BasicPublishAsync(
            queue is null ? $"event.{type}" : "", queue ?? "", mandatory: false, new BasicProperties { ContentType = "application/vnd.masstransit+json", Persistent = true }, body);
    }

    /// <returns>A folder with the older source, or null when this checkout does not have it.</returns>
    private static async Task<string?> OlderSource()
    {
        if (!await Succeeds("git", Repository.Root, "cat-file", "-e", $"{OlderCommit}^{{commit}}"))
        {
            return null;
        }

        var folder = Directory.CreateTempSubdirectory("ops-older-").FullName;
        var archive = Path.Combine(folder, "source.tar");
        await Run("git", Repository.Root, ["archive", "-o", archive, OlderCommit, "--", .. NeededByOrders]);
        await Run("tar", folder, "-xf", archive);
        return folder;
    }

    private static async Task Run(string program, string folder, params string[] arguments)
    {
        var (exitCode, text) = await Execute(program, folder, arguments);
        exitCode.ShouldBe(0, text);
    }

    private static async Task<bool> Succeeds(string program, string folder, params string[] arguments) => (await Execute(program, folder, arguments)).ExitCode == 0;

    private static async Task<(int ExitCode, string Output)> Execute(string program, string folder, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        using var process = Process.Start(start)!;
        using var timeout = new CancellationTokenSource(TimeSpan.FromMinutes(4));
        var text = process.StandardOutput.ReadToEndAsync(timeout.Token);
        var errors = process.StandardError.ReadToEndAsync(timeout.Token);
        await process.WaitForExitAsync(timeout.Token);
        return (process.ExitCode, await text + await errors);
    }

    private sealed class OlderProject(string path) : IProjectMetadata
    {
        public string ProjectPath => path;

        public bool SuppressBuild => true;
    }
}
