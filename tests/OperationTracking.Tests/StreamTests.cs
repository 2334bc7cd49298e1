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

        ((double)told).ShouldBeLessThanOrEqualTo((TimeProvider.System.GetElapsedTime(began).TotalSeconds * 10) + 2);
        await _desk.Say(_desk.End(operation));
        (await stream.ToTheEnd())[^1].Data.Text("status").ShouldBe("completed");
    }
}
