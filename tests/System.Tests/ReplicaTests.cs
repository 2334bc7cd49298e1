using Aspire.Hosting.ApplicationModel;

namespace OpsPlatform.System.Tests;

/// <summary>Replicas come and go under load; the books agree to the gram, the feed has no hole and every entity its order.</summary>
[Collection(nameof(SystemCollection))]
public sealed class ReplicaTests(RunningSystem system, ITestOutputHelper output)
{
    private const int Rounds = 4;

    [Fact]
    public async Task While_replicas_are_killed_stopped_and_started_nothing_is_lost_repeated_or_overtaken()
    {
        var pack = Replays.LongPack(Rounds);
        try
        {
            var changing = ComeAndGo();
            var replays = 0;
            do
            {
                using var organisation = await Register();
                // The replay checks the stock by the gram, and that the feed is dense and each entity's versions follow each other.
                var run = await Replays.Run(system.Gateway, output, organisation, "--data", pack);
                run.ExitCode.ShouldBe(0);
                run.Figure("ordersRejected").ShouldBe(0);
                run.Figure("capturedChanges").ShouldBe(run.Figure("feedEntries"));
                replays++;
            }
            while (!changing.IsCompleted);

            await changing;
            output.WriteLine($"{replays} replays while each replica was killed once and replaced once");
        }
        finally
        {
            Directory.Delete(pack, recursive: true);
        }
    }

    private async Task ComeAndGo()
    {
        foreach (var replica in (string[])["inventory-0", "sync-0", "gateway-0", "sync-1", "inventory-1", "gateway-1"])
        {
            await system.Kill(replica);
            (await system.App.ResourceCommands.ExecuteCommandAsync(replica, KnownResourceCommands.RestartCommand)).Success.ShouldBeTrue();
            await system.App.ResourceNotifications.WaitForResourceHealthyAsync(replica).WaitAsync(TimeSpan.FromMinutes(1));
        }
    }

    /// <summary>Registering is not tried again by itself, and the gateway asked may be the one just killed.</summary>
    private async Task<Organisation> Register() => (await Eventually.Is(
        async () =>
        {
            try
            {
                return await system.Register("Replicas");
            }
            catch (HttpRequestException)
            {
                return null;
            }
        },
        organisation => organisation is not null))!;
}
