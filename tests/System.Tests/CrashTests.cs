namespace OpsPlatform.System.Tests;

/// <summary>Each process is killed with kill -9 while orders are under way; it comes back by itself and the books agree to the gram.</summary>
[Collection(nameof(SystemCollection))]
public sealed class CrashTests(RunningSystem system, ITestOutputHelper output)
{
    private const int Rounds = 20;

    private const int OrdersBeforeTheKill = 200;

    [Theory]
    [InlineData("inventory-0")]
    [InlineData("orders")]
    [InlineData("sync-0")]
    [InlineData("gateway-0")]
    [InlineData("identity")]
    [InlineData("messaging")]
    [InlineData("postgres")]
    public async Task A_killed_process_comes_back_and_nothing_is_lost_or_done_twice(string resource)
    {
        var pack = Replays.LongPack(Rounds);
        try
        {
            // Twice, for one that came back once may not a second time. A replay may be over before what was killed is back.
            for (var kills = 1; kills <= 2; kills++)
            {
                using var organisation = await system.Register($"Kill {kills} {resource}");
                var replay = Replays.Run(system.Gateway, output, organisation, "--data", pack);
                await OrdersUnderWay(organisation, replay);
                await system.Kill(resource);
                var run = await replay;
                run.ExitCode.ShouldBe(0);
                run.Figure("ordersRejected").ShouldBe(0);
            }
        }
        finally
        {
            Directory.Delete(pack, recursive: true);
        }
    }

    private static async Task OrdersUnderWay(Organisation organisation, Task replay)
    {
        await Eventually.Is(
            async () =>
            {
                replay.IsCompleted.ShouldBeFalse("the replay must still be under way when a process is killed");
                try
                {
                    var summary = await organisation.Get("/orders/summary");
                    return summary.GetProperty("confirmed").GetInt64() + summary.GetProperty("confirming").GetInt64();
                }
                catch (HttpRequestException)
                {
                    // The service asked may be the one that was just killed.
                    return 0;
                }
            },
            orders => orders >= OrdersBeforeTheKill,
            TimeSpan.FromMinutes(2));
    }
}
