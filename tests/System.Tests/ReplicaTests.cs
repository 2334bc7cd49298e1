using Aspire.Hosting.ApplicationModel;

namespace OpsPlatform.System.Tests;

/// <summary>Replicas come and go under load; the books agree to the gram, the feed has no hole and every entity its order.</summary>
[Collection(nameof(SystemCollection))]
public sealed class ReplicaTests(RunningSystem system, ITestOutputHelper output)
{
    private const int Rounds = 12;

    [Fact]
    public async Task While_replicas_are_killed_stopped_and_started_nothing_is_lost_repeated_or_overtaken()
    {
        using var organisation = await system.Register("Replicas");
        var pack = Replays.LongPack(Rounds);
        try
        {
            var replay = Replays.Run(system.Gateway, output, organisation, "--data", pack);
            foreach (var replica in (string[])["inventory-0", "sync-0", "gateway-0", "sync-1", "inventory-1", "gateway-1"])
            {
                await CrashTests.OrdersUnderWay(organisation, 40, replay);
                await system.Kill(replica);
                (await system.App.ResourceCommands.ExecuteCommandAsync(replica, KnownResourceCommands.RestartCommand)).Success.ShouldBeTrue();
                await system.App.ResourceNotifications.WaitForResourceHealthyAsync(replica).WaitAsync(TimeSpan.FromMinutes(1));
            }

            // The replay checks the stock by the gram, and that the feed is dense and each entity's versions follow each other.
            var run = await replay;
            run.ExitCode.ShouldBe(0);
            run.Figure("ordersRejected").ShouldBe(0);
            run.Figure("capturedChanges").ShouldBe(run.Figure("feedEntries"));
        }
        finally
        {
            Directory.Delete(pack, recursive: true);
        }
    }
}
