using Npgsql;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>What the database itself refuses, in the role that the service works in.</summary>
public sealed class MoveTests(OperationsFixture service)
{
    private static readonly Dictionary<string, string[]> Legal = new()
    {
        ["queued"] = ["waiting_for_approval", "in_progress", "cancelling", "cancelled", "failed", "expired"],
        ["waiting_for_approval"] = ["approved", "denied", "expired", "cancelling", "cancelled", "failed"],
        ["approved"] = ["waiting_for_approval", "in_progress", "cancelling", "cancelled", "failed", "expired"],
        ["in_progress"] = ["queued", "waiting_for_approval", "waiting_external", "cancelling", "completed", "failed", "cancelled", "timed_out"],
        ["waiting_external"] = ["queued", "in_progress", "cancelling", "completed", "failed", "cancelled", "timed_out"],
        ["cancelling"] = ["cancelled", "completed", "failed", "timed_out"],
        ["completed"] = [],
        ["failed"] = ["queued"],
        ["denied"] = [],
        ["cancelled"] = [],
        ["expired"] = [],
        ["timed_out"] = ["queued"],
    };

    /// <summary>How each state is come to.</summary>
    private static readonly Dictionary<string, string[]> Ways = new()
    {
        ["queued"] = [],
        ["waiting_for_approval"] = ["waiting_for_approval"],
        ["approved"] = ["waiting_for_approval", "approved"],
        ["in_progress"] = ["in_progress"],
        ["waiting_external"] = ["in_progress", "waiting_external"],
        ["cancelling"] = ["cancelling"],
        ["completed"] = ["in_progress", "completed"],
        ["failed"] = ["failed"],
        ["denied"] = ["waiting_for_approval", "denied"],
        ["cancelled"] = ["cancelled"],
        ["expired"] = ["expired"],
        ["timed_out"] = ["in_progress", "timed_out"],
    };

    private readonly Desk _desk = service.Desk();

    public static TheoryData<string, string> Moves => [.. from one in Legal.Keys from other in Legal.Keys where one != other select (one, other)];

    [Theory]
    [MemberData(nameof(Moves))]
    public async Task A_move_is_made_if_it_is_legal_and_refused_if_not(string from, string to)
    {
        var id = await Insert();
        foreach (var state in Ways[from])
        {
            await Move(id, state);
        }

        if (Legal[from].Contains(to))
        {
            await Move(id, to);
        }
        else
        {
            var refusal = await Should.ThrowAsync<PostgresException>(() => Move(id, to));
            refusal.ConstraintName.ShouldBe("operations_legal_move");
            refusal.MessageText.ShouldBe($"An operation cannot go from {from} to {to}.");
        }
    }

    [Theory]
    [InlineData("completed")]
    [InlineData("failed")]
    [InlineData("denied")]
    [InlineData("cancelled")]
    [InlineData("expired")]
    [InlineData("timed_out")]
    public async Task Nothing_of_what_has_ended_changes(string end)
    {
        var id = await Insert();
        foreach (var state in Ways[end])
        {
            await Move(id, state);
        }

        (await Should.ThrowAsync<PostgresException>(() => _desk.Execute($"UPDATE operations SET progress_percentage = 1 WHERE id = '{id}'")))
            .ConstraintName.ShouldBe("operations_end_is_final");
    }

    [Fact]
    public async Task An_operation_starts_queued_or_waits_for_agreement()
    {
        await Insert("waiting_for_approval");
        foreach (var state in Legal.Keys.Except(["queued", "waiting_for_approval"]))
        {
            (await Should.ThrowAsync<PostgresException>(() => Insert(state))).ConstraintName.ShouldBe("operations_legal_start");
        }
    }

    [Theory]
    [InlineData("DELETE FROM operations")]
    [InlineData("INSERT INTO timeline (org_id, position, operation_id, at, event, actor, details, hash) VALUES (current_org(), 1, gen_random_uuid(), now(), 'started', 'x', '{}', sha256('x'))")]
    [InlineData("UPDATE timeline SET actor = 'nobody'")]
    [InlineData("DELETE FROM timeline")]
    [InlineData("TRUNCATE timeline")]
    [InlineData("INSERT INTO timeline_heads VALUES (current_org(), 7, sha256('x'))")]
    [InlineData("UPDATE timeline_heads SET position = 0")]
    [InlineData("DELETE FROM timeline_heads")]
    public async Task The_service_itself_cannot_forget_an_operation_or_touch_the_timeline(string sql) =>
        (await Should.ThrowAsync<PostgresException>(() => _desk.Execute(sql))).SqlState.ShouldBe(PostgresErrorCodes.InsufficientPrivilege);

    private async Task<Guid> Insert(string state = "queued")
    {
        var id = Guid.NewGuid();
        await _desk.Execute($"""
            INSERT INTO operations (id, operation_type, service, display_name, user_id, status, total_steps, steps, max_attempts, queued_at, cause_since)
            VALUES ('{id}', 'a.b', 'a', 'B', 'u', '{state}', 1, '[]', 1, now(), now())
            """);
        return id;
    }

    private Task Move(Guid id, string to) => _desk.Execute($"UPDATE operations SET status = '{to}' WHERE id = '{id}'");
}
