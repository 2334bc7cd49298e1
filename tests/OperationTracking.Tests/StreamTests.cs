using System.Net;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.Testing;

namespace OpsPlatform.OperationTracking.Tests;

public sealed class StreamTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task A_stream_tells_each_state_and_ends_by_itself_after_the_end()
    {
        var operation = await _desk.Running();
        using var stream = await SseClient.Open(_desk.Client(), operation.OperationId);
        stream.Response.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        var first = (await stream.Next())!;
        first.Name.ShouldBe("operation");
        first.Id.ShouldBe("1.1.in_progress");
        first.Data.Text("operationId").ShouldBe(operation.OperationId.ToString());

        await _desk.Say(_desk.Report(operation.OperationId, 1, 2, 30));
        var second = (await stream.Next())!;
        second.Id.ShouldBe("1.2.in_progress");
        second.Data.Number("progressPercentage").ShouldBe(30);

        await _desk.Say(_desk.End(operation, last: _desk.Report(operation.OperationId, 1, 3, 90)));
        var rest = await stream.ToTheEnd();
        rest[^1].Id.ShouldBe("1.3.completed");
        rest[^1].Data.GetProperty("result").Text("href").ShouldBe("/files/1");
    }

    [Fact]
    public async Task A_reader_that_comes_again_is_told_nothing_it_knows()
    {
        var operation = await _desk.Running();
        // There is nothing to say yet, but that the stream is open.
        using var stream = await SseClient.Open(_desk.Client(), operation.OperationId, "1.1.in_progress").WaitAsync(TimeSpan.FromSeconds(10));
        await _desk.Say(_desk.Report(operation.OperationId, 1, 2, 30));
        (await stream.Next())!.Id.ShouldBe("1.2.in_progress");
        await _desk.Say(_desk.End(operation, last: _desk.Report(operation.OperationId, 1, 2, 30)));
        (await stream.ToTheEnd())[^1].Id.ShouldBe("1.2.completed");

        using var again = await SseClient.Open(_desk.Client(), operation.OperationId, "1.2.completed");
        (await again.ToTheEnd()).ShouldBeEmpty();
        using var late = await SseClient.Open(_desk.Client(), operation.OperationId, "1.2.in_progress");
        (await late.ToTheEnd()).Single().Id.ShouldBe("1.2.completed");
    }

    [Fact]
    public async Task Of_many_reports_a_few_are_told_and_the_last_one_always()
    {
        const int reports = 3_000;
        var operation = await _desk.Running();
        using var stream = await SseClient.Open(_desk.Client(), operation.OperationId);
        await stream.Next();
        var began = TimeProvider.System.GetTimestamp();
        foreach (var hundred in Enumerable.Range(2, reports).Chunk(100))
        {
            await _desk.Say([.. hundred.Select(n => _desk.Report(operation.OperationId, 1, n, 90.0 * n / reports))]);
        }

        var told = 0;
        while ((await stream.Next())!.Id != $"1.{reports + 1}.in_progress")
        {
            told++;
        }

        ((double)told).ShouldBeLessThanOrEqualTo((TimeProvider.System.GetElapsedTime(began).TotalSeconds / 0.09) + 2);
        await _desk.Say(_desk.End(operation));
        (await stream.ToTheEnd())[^1].Data.Text("status").ShouldBe("completed");
    }

    [Fact]
    public async Task One_stream_tells_of_several_operations_until_all_have_ended()
    {
        var (one, other) = (await _desk.Running(), await _desk.Running());
        using var stream = await SseClient.Open(_desk.Client(), Path(one.OperationId, other.OperationId, one.OperationId));
        await stream.Until((one.OperationId, "in_progress"), (other.OperationId, "in_progress"));
        Watches.Waiting(_desk.Org).ShouldBe(2);
        await _desk.Say(_desk.Report(one.OperationId, 1, 2, 30), _desk.Report(other.OperationId, 1, 2, 40));
        await stream.Until(one.OperationId, now => now.Number("progressPercentage") == 30);
        await stream.Until(other.OperationId, now => now.Number("progressPercentage") == 40);
        await _desk.Say(_desk.End(one));
        await stream.Until(one.OperationId, now => now.Text("status") == "completed");

        await _desk.Say(_desk.Report(other.OperationId, 1, 3, 70));
        await stream.Until(other.OperationId, now => now.Number("progressPercentage") == 70);
        await _desk.Say(_desk.End(other));
        var last = (await stream.ToTheEnd())[^1];
        last.Id.ShouldBeNull();
        last.Data.Text("operationId").ShouldBe(other.OperationId.ToString());
        last.Data.Text("status").ShouldBe("completed");

        using var single = await SseClient.Open(_desk.Client(), Path(other.OperationId));
        (await single.ToTheEnd()).Single().Id.ShouldBeNull();
        // Without an id to begin from all are told, and as all have ended the stream has as well.
        using var again = await SseClient.Open(_desk.Client(), Path(one.OperationId, other.OperationId));
        (await again.ToTheEnd()).Select(told => told.Data.Text("operationId")).ShouldBe([one.OperationId.ToString(), other.OperationId.ToString()]);
    }

    [Fact]
    public async Task Several_operations_are_streamed_to_who_sees_each_of_them()
    {
        var mine = (await _desk.Ended()).OperationId;
        var colleagues = _desk.Operation(change: started => started with { UserId = $"{Guid.NewGuid()}" });
        await _desk.Say(_desk.End(colleagues));
        var others = colleagues.OperationId;
        await _desk.RowShows(others, "status = 'completed'");
        (await _desk.Get(Path(mine, others), HttpStatusCode.Forbidden)).Problem().ShouldBe("not-yours");
        var unknown = Guid.NewGuid();
        (await _desk.Get(Path(mine, unknown), HttpStatusCode.NotFound)).Text("detail").ShouldContain($"{unknown}");
        await _desk.Get("/operations/events", HttpStatusCode.BadRequest);
        await _desk.Get("/operations/events?operationId=one", HttpStatusCode.BadRequest);
        await _desk.Get(Path([.. Enumerable.Repeat(mine, 21)]), HttpStatusCode.BadRequest);
        using var stranger = service.Client(Guid.NewGuid(), "owner", _desk.User);
        await _desk.Get(Path(mine), HttpStatusCode.NotFound, stranger);
        using var admin = await SseClient.Open(_desk.Client("admin", Guid.NewGuid()), Path(mine, others));
        (await admin.ToTheEnd()).Count.ShouldBe(2);
        await Eventually.Is(() => Task.FromResult(Watches.Waiting(_desk.Org)), waiting => waiting == 0);
    }

    [Fact]
    public async Task What_nobody_told_of_is_found_while_another_operation_of_the_stream_goes_on()
    {
        var (busy, quiet) = (await _desk.Running(), await _desk.Running());
        using var stream = await SseClient.Open(_desk.Client(), Path(busy.OperationId, quiet.OperationId));
        await stream.Until((busy.OperationId, "in_progress"), (quiet.OperationId, "in_progress"));
        await _desk.Execute($"UPDATE operations SET sequence = 7, message = 'unheard' WHERE id = '{quiet.OperationId}'");
        using var over = new CancellationTokenSource();
        var reporting = Reports(busy.OperationId, over.Token);
        await stream.Until(quiet.OperationId, now => now.Text("message") == "unheard");
        await over.CancelAsync();
        await reporting;
    }

    private OperationWatch Watches => (OperationWatch)service.Services.GetService(typeof(OperationWatch))!;

    private async Task Reports(Guid id, CancellationToken over)
    {
        for (var n = 2; !over.IsCancellationRequested; n++)
        {
            await _desk.Say(_desk.Report(id, 1, n, 50));
        }
    }

    private static string Path(params Guid[] ids) => $"/operations/events?{string.Join('&', ids.Select(id => $"operationId={id}"))}";
}
