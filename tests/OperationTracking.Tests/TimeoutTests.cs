using System.Net;
using Microsoft.Extensions.DependencyInjection;
using OpsPlatform.Testing;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>The service, with a clock that can be put forward.</summary>
public sealed class LaterFixture : OperationsFixture
{
    internal ShiftedTime Time { get; } = new();

    protected override void Configure(IServiceCollection services) => services.AddSingleton<TimeProvider>(Time);
}

public sealed class TimeoutTests(LaterFixture service) : IClassFixture<LaterFixture>
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task Not_begun_in_time_it_has_expired()
    {
        var id = await _desk.Post(("startWithinSeconds", 60));
        var patient = await _desk.Post();
        Later(61);
        var over = await _desk.Shows(id, x => x.Text("status") == "expired");
        over.Text("errorMessage").ShouldBe("Nobody began it within 60 s.");
        (await _desk.Refused($"/operations/{id}/begin", new { }, HttpStatusCode.Conflict)).ShouldBe("operation-over");
        (await _desk.Story(id)).ShouldBe(["started", "expired"]);
        (await _desk.Get(patient)).Text("status").ShouldBe("queued");
    }

    [Fact]
    public async Task Who_takes_too_long_has_timed_out_however_often_they_report()
    {
        var (id, fence) = await _desk.Begun(("endWithinSeconds", 60), ("startWithinSeconds", 5), ("maxAttempts", 3));
        Later(50);
        await _desk.Done($"/operations/{id}/reports", new { fence, done = 1 });
        await _desk.RowShows(id, "done = 1");
        (await _desk.Get(id)).Text("status").ShouldBe("in_progress");
        Later(11);
        var over = await _desk.Shows(id, x => x.Text("status") == "timed_out");
        over.Text("errorMessage").ShouldBe("It took longer than 60 s.");
        (await _desk.Refused($"/operations/{id}/reports", new { fence, done = 2 }, HttpStatusCode.Conflict)).ShouldBe("lease-lost");
        (await _desk.Story(id)).ShouldBe(["started", "attempt_began", "timed_out"]);
    }

    [Fact]
    public async Task Who_is_silent_has_failed_and_the_next_attempt_is_queued_while_there_is_one()
    {
        var (id, fence) = await _desk.Begun(("silentForSeconds", 30), ("maxAttempts", 2));
        Later(25);
        await _desk.Done($"/operations/{id}/reports", new { fence, done = 1 });
        await _desk.RowShows(id, "done = 1");
        Later(25);
        (await _desk.Done($"/operations/{id}/reports", new { fence, done = 2 })).GetProperty("isCancelling").GetBoolean().ShouldBeFalse();
        await _desk.RowShows(id, "done = 2");
        Later(31);
        var queued = await _desk.Shows(id, x => x.Text("status") == "queued");
        queued.Text("errorMessage").ShouldBe("Its worker was not heard of for 30 s.");
        queued.IsNull("retryAt").ShouldBeFalse();
        (await _desk.Refused($"/operations/{id}/reports", new { fence, done = 3 }, HttpStatusCode.Conflict)).ShouldBe("lease-lost");
        (await _desk.Refused($"/operations/{id}/end", new { fence, outcome = "completed" }, HttpStatusCode.Conflict)).ShouldBe("lease-lost");

        (await _desk.Begin(id)).ShouldBeGreaterThan(fence);
        (await _desk.Get(id)).IsNull("errorMessage").ShouldBeTrue();
        Later(31);
        var failed = await _desk.Shows(id, x => x.Text("status") == "failed");
        failed.Text("errorMessage").ShouldBe("Its worker was not heard of for 30 s.");
        (await _desk.Story(id)).ShouldBe(["started", "attempt_began", "attempt_failed", "attempt_began", "failed"]);
    }

    [Fact]
    public async Task Cancelling_lasts_no_longer_than_the_silence_of_its_worker()
    {
        var (id, _) = await _desk.Begun(("silentForSeconds", 30), ("maxAttempts", 3));
        await _desk.Cancel(id, "Wrong shop.");
        Later(31);
        var over = await _desk.Shows(id, x => x.Text("status") == "cancelled");
        over.Text("cancelReason").ShouldBe("Wrong shop.");
        (await _desk.Story(id)).ShouldBe(["started", "attempt_began", "cancel_asked", "cancelled"]);
    }

    [Fact]
    public async Task Who_follows_it_is_told_and_two_replicas_tell_it_once()
    {
        await using var replica = await service.StartReplica();
        var (id, _) = await _desk.Begun(("endWithinSeconds", 60));
        var waiting = _desk.Get($"/operations/{id}/wait?seconds=55");
        Later(61);
        (await waiting).Text("status").ShouldBe("timed_out");
        // What comes after it was looked at by both, some turns later.
        for (var turn = 0; turn < 2; turn++)
        {
            var next = await _desk.Post(("startWithinSeconds", 1));
            Later(2);
            await _desk.Shows(next, x => x.Text("status") == "expired");
        }

        (await _desk.Story(id)).ShouldBe(["started", "attempt_began", "timed_out"]);
        using var admin = _desk.Client("admin");
        (await _desk.Get("/operations/audit", client: admin)).GetProperty("isIntact").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public async Task What_has_ended_or_is_queued_without_a_limit_is_looked_at_no_more()
    {
        var (id, fence) = await _desk.Begun(("silentForSeconds", 10));
        await _desk.Done($"/operations/{id}/end", new { fence, outcome = "completed" });
        Later(11);
        await Eventually.Is(async () => await _desk.Sql<long>($"SELECT count(*) FROM posted_operations WHERE operation_id = '{id}' AND due_at IS NULL") == 1);
        (await _desk.Get(id)).Text("status").ShouldBe("completed");
    }

    private void Later(int seconds) => service.Time.Forward(TimeSpan.FromSeconds(seconds));
}
