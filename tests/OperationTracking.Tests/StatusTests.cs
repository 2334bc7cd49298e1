namespace OpsPlatform.OperationTracking.Tests;

/// <summary>The shape that pollers of Azure's long-running operations drive.</summary>
public sealed class StatusTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task It_goes_from_NotStarted_over_Running_to_Succeeded_with_the_result()
    {
        var operation = await _desk.Started();
        var waiting = await Status(operation.OperationId);
        waiting.Text("status").ShouldBe("NotStarted");
        waiting.Text("id").ShouldBe($"/operations/{operation.OperationId}/status");
        waiting.Text("name").ShouldBe(operation.OperationId.ToString());
        waiting.GetProperty("createdDateTime").GetDateTimeOffset().ShouldBe(_desk.At(0));
        waiting.TryGetProperty("error", out _).ShouldBeFalse();
        waiting.TryGetProperty("properties", out _).ShouldBeFalse();

        await _desk.Say(_desk.Report(operation.OperationId, 1, 1, 42));
        await _desk.Shows(operation.OperationId, x => x.Text("status") == "in_progress");
        var running = await Status(operation.OperationId);
        running.Text("status").ShouldBe("Running");
        running.Number("percentComplete").ShouldBe(42);

        await _desk.Say(_desk.Report(operation.OperationId, 1, 2, 42, x => x with { RetryAt = DateTimeOffset.UtcNow.AddMinutes(1), Error = "gone" }));
        await _desk.Shows(operation.OperationId, x => x.Text("status") == "queued");
        (await Status(operation.OperationId)).Text("status").ShouldBe("Running");

        await _desk.Say(_desk.End(operation, last: _desk.Report(operation.OperationId, 2, 1, 99)));
        await _desk.Shows(operation.OperationId, x => x.Text("status") == "completed");
        var over = await Status(operation.OperationId);
        over.Text("status").ShouldBe("Succeeded");
        over.Number("percentComplete").ShouldBe(100);
        over.GetProperty("properties").Text("href").ShouldBe("/files/1");
    }

    [Theory]
    [InlineData("failed", "Failed", "OperationFailed", "No space left.")]
    [InlineData("cancelled", "Canceled", "OperationCanceled", "Somebody no longer wanted it.")]
    public async Task An_end_that_is_no_success_says_why(string outcome, string status, string code, string message)
    {
        var over = await Status((await _desk.Ended(outcome)).OperationId);
        over.Text("status").ShouldBe(status);
        over.GetProperty("error").Text("code").ShouldBe(code);
        over.GetProperty("error").Text("message").ShouldBe(message);
        over.TryGetProperty("properties", out _).ShouldBeFalse();
    }

    [Fact]
    public async Task It_says_when_to_poll_again_while_it_goes_on()
    {
        using var client = _desk.Client();
        using var running = await client.GetAsync($"/operations/{(await _desk.Running()).OperationId}/status");
        running.Headers.RetryAfter!.Delta.ShouldBe(TimeSpan.FromSeconds(1));
        using var ended = await client.GetAsync($"/operations/{(await _desk.Ended()).OperationId}/status");
        ended.Headers.RetryAfter.ShouldBeNull();
    }

    private Task<System.Text.Json.JsonElement> Status(Guid id) => _desk.Get($"/operations/{id}/status");
}
