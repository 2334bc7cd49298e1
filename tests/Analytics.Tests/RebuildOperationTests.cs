using OpsPlatform.Contracts;
using static OpsPlatform.Analytics.Tests.Bakery;

namespace OpsPlatform.Analytics.Tests;

/// <summary>A rebuild is an operation like any other long-running work.</summary>
public sealed class RebuildOperationTests(AnalyticsFixture service)
{
    private const string Day = "2026-06-10";

    [Fact]
    public async Task Its_steps_are_told_and_what_came_of_it()
    {
        var starts = await service.Broker.Listen<OperationStarted>();
        var ends = await service.Broker.Listen<OperationEnded>();
        var bakery = await service.Bakery();
        await bakery.Sells($"{Day}T10:00:00Z", Line(1, 1, 100));
        await bakery.Has(Days(Day), 1);

        var id = await RebuildTests.Start(bakery);
        var started = (await starts.Next(bakery.Org)).Message;
        (started.OperationId, started.OperationType, started.Steps.Count).ShouldBe((id, "analytics.rebuild", 5));
        var ended = (await ends.Next(bakery.Org)).Message;
        (ended.Operation.OperationId, ended.Outcome, ended.Last!.Step).ShouldBe((id, "completed", 5));
        ended.Result!.ShouldContain($"/analytics/rebuilds/{id}/comparison");
        await RebuildTests.Ends(bakery, id);
    }

    [Fact]
    public async Task A_cancelled_one_has_failed_leaves_what_is_shown_alone_and_holds_up_no_other()
    {
        var bakery = await service.Bakery();
        await bakery.Sells($"{Day}T10:00:00Z", Line(1, 1, 100));
        await bakery.Has(Days(Day), 1);
        var reached = new TaskCompletionSource();
        bakery.Owners.Before = async (path, _) =>
        {
            if (path == "/inventory/export/consumption" && reached.TrySetResult())
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TestContext.Current.CancellationToken);
            }
        };
        var id = await RebuildTests.Start(bakery);
        await reached.Task.WaitAsync(TimeSpan.FromSeconds(20));

        await service.Broker.Publish(bakery.Org, new OperationCancelled(id, "analytics", "the boss"));

        var cancelled = await RebuildTests.Ends(bakery, id, "failed");
        ((string)cancelled["error"]!).ShouldBe("It was cancelled.");
        await bakery.Has(Days(Day), 1);
        ((bool)(await RebuildTests.Ends(bakery, await RebuildTests.Start(bakery)))["isEqual"]!).ShouldBeTrue();
        (await bakery.Look<long>("SELECT count(DISTINCT generation) FROM order_facts")).ShouldBe(1);
    }
}
