using OpsPlatform.Contracts;

namespace OpsPlatform.OperationTracking.Tests;

public sealed class ReportTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task Late_and_repeated_reports_change_nothing()
    {
        var id = (await _desk.Running(percent: 50)).OperationId;
        await _desk.Say(_desk.Report(id, 1, 9, 60));
        await _desk.Say(_desk.Report(id, 1, 9, 61), _desk.Report(id, 1, 8, 99));
        await _desk.EverythingIsHeard();
        var shown = await _desk.Get(id);
        shown.Number("progressPercentage").ShouldBe(60);
        shown.Text("version").ShouldBe("1.9.in_progress");
    }

    /// <summary>As another replica would write what it heard late.</summary>
    [Fact]
    public async Task The_database_takes_no_older_report_and_goes_not_backwards_either()
    {
        var id = (await _desk.Running()).OperationId;
        await _desk.Say(_desk.Report(id, 2, 5, 60));
        await _desk.RowShows(id, "attempt = 2 AND sequence = 5");
        foreach (var late in (OperationReported[])[_desk.Report(id, 2, 5, 70), _desk.Report(id, 2, 4, 70), _desk.Report(id, 1, 99, 70)])
        {
            await Write(late);
        }

        await _desk.RowShows(id, "attempt = 2 AND sequence = 5 AND progress_percentage = 60");
        await Write(_desk.Report(id, 2, 6, 70));
        await _desk.RowShows(id, "sequence = 6 AND progress_percentage = 70");
        await Write(_desk.Report(id, 2, 7, 65));
        await _desk.RowShows(id, "sequence = 7 AND progress_percentage = 70");
        await Write(_desk.Report(id, 2, 8, 65, x => x with { IsReplanned = true }));
        await _desk.RowShows(id, "sequence = 8 AND progress_percentage = 65");
    }

    [Fact]
    public async Task Progress_goes_backwards_by_a_new_plan_and_a_new_attempt_only()
    {
        var id = (await _desk.Running(percent: 80)).OperationId;
        await Shown(id, 2, 30, 80);
        // The plan is changed by a report that the next one, which does not say so again, overtakes on the way to the row.
        await _desk.Say(_desk.Report(id, 1, 3, 20, x => x with { IsReplanned = true }), _desk.Report(id, 1, 4, 25));
        await _desk.Shows(id, x => x.Number("progressPercentage") == 25);
        await _desk.RowShows(id, "sequence = 4 AND progress_percentage = 25");
        await Shown(id, 5, 10, 25);
        await _desk.RowShows(id, "sequence = 5 AND progress_percentage = 25");

        await _desk.Say(_desk.Report(id, 2, 1, 5));
        await _desk.Shows(id, x => x.Number("progressPercentage") == 5);
        await _desk.RowShows(id, "attempt = 2 AND progress_percentage = 5");
    }

    [Fact]
    public async Task A_report_after_the_end_changes_nothing()
    {
        var operation = await _desk.Ended("failed");
        var before = await _desk.Get(operation.OperationId);
        await _desk.Say(_desk.Report(operation.OperationId, 2, 1, 77));
        await _desk.EverythingIsHeard();
        var after = await _desk.Get(operation.OperationId);
        after.Text("version").ShouldBe(before.Text("version"));
        after.Number("progressPercentage").ShouldBe(50);
        await Write(_desk.Report(operation.OperationId, 2, 2, 88));
        await _desk.RowShows(operation.OperationId, "attempt = 1 AND progress_percentage = 50");
    }

    [Fact]
    public async Task An_attempt_that_fails_waits_in_the_queue_with_its_error_until_the_next_begins()
    {
        var id = (await _desk.Running()).OperationId;
        var retryAt = DateTimeOffset.UtcNow.AddMinutes(1);
        await _desk.Say(_desk.Report(id, 1, 2, 10, x => x with { RetryAt = retryAt, Error = "The disk is away." }));
        var waiting = await _desk.Shows(id, x => x.Text("status") == "queued");
        waiting.Text("errorMessage").ShouldBe("The disk is away.");
        waiting.GetProperty("retryAt").GetDateTimeOffset().ShouldBe(retryAt, TimeSpan.FromMilliseconds(1));
        await _desk.RowShows(id, "status = 'queued' AND retry_at IS NOT NULL");
        // Its worker may say so again.
        await _desk.Say(_desk.Report(id, 1, 3, 10, x => x with { RetryAt = retryAt, Error = "The disk is away." }));
        await _desk.RowShows(id, "sequence = 3");

        await _desk.Say(_desk.Report(id, 2, 1, 1));
        var again = await _desk.Shows(id, x => x.Text("status") == "in_progress");
        again.Number("attempt").ShouldBe(2);
        again.IsNull("retryAt").ShouldBeTrue();
        again.IsNull("errorMessage").ShouldBeTrue();
        await _desk.RowShows(id, "attempt = 2");
        (await _desk.Story(id)).ShouldBe(["started", "attempt_began", "attempt_failed", "attempt_began"]);
    }

    [Fact]
    public async Task The_end_of_an_attempt_is_told_even_if_the_next_begins_before_it_was_written()
    {
        var id = (await _desk.Running()).OperationId;
        await _desk.Say(_desk.Report(id, 1, 2, 10, x => x with { RetryAt = DateTimeOffset.UtcNow, Error = "gone" }), _desk.Report(id, 2, 1, 1));
        await _desk.RowShows(id, "attempt = 2 AND status = 'in_progress'");
        (await _desk.Story(id)).ShouldBe(["started", "attempt_began", "attempt_failed", "attempt_began"]);
    }

    [Fact]
    public async Task Ten_thousand_reports_of_an_operation_cost_a_few_writes_and_the_last_one_arrives()
    {
        const int reports = 10_000;
        var id = (await _desk.Running()).OperationId;
        var (writes, seconds) = await _desk.Writes("operations", "id", id, async () =>
        {
            foreach (var hundred in Enumerable.Range(2, reports).Chunk(100))
            {
                await _desk.Say([.. hundred.Select(n => _desk.Report(id, 1, n, 90.0 * n / reports))]);
            }

            await _desk.Shows(id, x => x.Text("version") == $"1.{reports + 1}.in_progress");
            await _desk.RowShows(id, $"sequence = {reports + 1}");
        });
        writes.ShouldBeInRange(1, (long)seconds + 2);
    }

    private async Task Shown(Guid id, long sequence, double told, double shown)
    {
        await _desk.Say(_desk.Report(id, 1, sequence, told));
        (await _desk.Shows(id, x => x.Text("version") == $"1.{sequence}.in_progress")).Number("progressPercentage").ShouldBe(shown);
    }

    private Task Write(OperationReported report) =>
        _desk.Execute($"SELECT FROM hear_reports($json${Reports.ReportRows.Json([Reports.Heard.Of(report, Guid.NewGuid())])}$json$::jsonb)");
}
