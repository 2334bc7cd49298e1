using System.Diagnostics;
using System.Net;
using OpsPlatform.OperationTracking.Operations;

namespace OpsPlatform.OperationTracking.Tests;

public sealed class WaitTests(OperationsFixture service)
{
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(1);
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task Who_waits_for_another_version_is_answered_by_the_next_report()
    {
        var id = (await _desk.Running()).OperationId;
        var version = (await _desk.Get(id)).Text("version");
        var waiting = _desk.Get($"/operations/{id}/wait?version={version}&seconds=20");
        await IsWaiting();
        var told = Stopwatch.StartNew();
        await _desk.Say(_desk.Report(id, 1, 2, 30));
        (await waiting).Text("version").ShouldBe("1.2.in_progress");
        told.Elapsed.ShouldBeLessThan(AtOnce);
    }

    [Fact]
    public async Task Who_waits_for_it_to_begin_is_told_by_the_first_report_before_that_is_written()
    {
        var id = (await _desk.Started()).OperationId;
        var waiting = _desk.Get($"/operations/{id}/wait?version=0.0.queued");
        await IsWaiting();
        await _desk.Say(_desk.Report(id, 1, 1, 5));
        var begun = await waiting;
        begun.Text("version").ShouldBe("1.1.in_progress");
        begun.GetProperty("time").Number("queue").ShouldBe(2);
    }

    [Fact]
    public async Task Who_waits_for_the_end_is_answered_by_it_and_not_by_a_report()
    {
        var operation = await _desk.Running();
        var waiting = _desk.Get($"/operations/{operation.OperationId}/wait");
        await IsWaiting();
        await _desk.Say(_desk.Report(operation.OperationId, 1, 2, 30));
        await _desk.RowShows(operation.OperationId, "sequence = 2");
        waiting.IsCompleted.ShouldBeFalse();
        var told = Stopwatch.StartNew();
        await _desk.Say(_desk.End(operation));
        (await waiting).Text("status").ShouldBe("completed");
        told.Elapsed.ShouldBeLessThan(AtOnce);
    }

    [Fact]
    public async Task A_cancel_wakes_who_waits()
    {
        var id = (await _desk.Running()).OperationId;
        var waiting = _desk.Get($"/operations/{id}/wait?version={(await _desk.Get(id)).Text("version")}");
        await IsWaiting();
        await _desk.Cancel(id);
        (await waiting).Text("status").ShouldBe("cancelling");
    }

    [Fact]
    public async Task Who_knows_an_older_version_is_answered_at_once_and_who_waits_in_vain_after_the_time()
    {
        var id = (await _desk.Running()).OperationId;
        (await _desk.Get($"/operations/{id}/wait?version=0.0.queued&seconds=55")).Text("status").ShouldBe("in_progress");
        var since = Stopwatch.StartNew();
        (await _desk.Get($"/operations/{id}/wait?seconds=1")).Text("status").ShouldBe("in_progress");
        since.Elapsed.ShouldBeInRange(TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(6));
    }

    [Theory]
    [InlineData("seconds=56")]
    [InlineData("seconds=-1")]
    [InlineData("seconds=soon")]
    public async Task A_time_that_is_no_time_is_refused(string query) =>
        await _desk.Get($"/operations/{(await _desk.Running()).OperationId}/wait?{query}", HttpStatusCode.BadRequest);

    [Fact]
    public async Task An_organisation_has_so_many_waiters_and_no_more()
    {
        var id = (await _desk.Running()).OperationId;
        var watches = (OperationWatch)service.Services.GetService(typeof(OperationWatch))!;
        var taken = Enumerable.Range(0, OperationWatch.MostPerOrganisation).Select(_ => watches.TryStart(_desk.Org, Guid.NewGuid())!).ToList();
        using var client = _desk.Client();
        foreach (var way in (string[])["wait", "events"])
        {
            using var refused = await client.GetAsync($"/operations/{id}/{way}");
            refused.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
            refused.Headers.RetryAfter.ShouldNotBeNull();
        }

        taken.ForEach(watch => watch.Dispose());
        await _desk.Get($"/operations/{id}/wait?seconds=0");
    }

    /// <summary>Until the request at hand is among those that wait.</summary>
    private async Task IsWaiting()
    {
        var watches = (OperationWatch)service.Services.GetService(typeof(OperationWatch))!;
        await Testing.Eventually.Is(() => Task.FromResult(watches.Waiting(_desk.Org) > 0));
    }
}
