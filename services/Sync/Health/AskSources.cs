using Npgsql;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Consistency;
using OpsPlatform.Sync.Consistency;

namespace OpsPlatform.Sync.Health;

/// <summary>Asks every service how its changes stand and notes what it says, or that it said nothing.</summary>
internal sealed partial class AskSources(Sources sources, [FromKeyedServices("relay")] NpgsqlDataSource relay, TimeProvider time, ILogger<AskSources> log)
{
    private const string NoteSql = """
        INSERT INTO sources AS s (service, asked_at, answered_at, unanswered, auto, problem) VALUES ($1, $2, CASE WHEN $3 THEN $2 END, CASE WHEN $3 THEN 0 ELSE 1 END, $4, $5)
        ON CONFLICT (service) DO UPDATE SET asked_at = excluded.asked_at, answered_at = coalesce(excluded.answered_at, s.answered_at),
            unanswered = CASE WHEN $3 THEN 0 ELSE s.unanswered + 1 END, auto = CASE WHEN $3 THEN excluded.auto ELSE s.auto END, problem = excluded.problem
        """;

    private const string BacklogSql = """
        INSERT INTO source_backlogs (org_id, service, pending, oldest_waits_ms, failed)
        SELECT u.org_id, $1, u.pending, u.oldest, u.failed FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[]) u (org_id, pending, oldest, failed)
        """;

    /// <returns>The states of those that answered.</returns>
    public async Task<IReadOnlyList<ChangeState>> Run(CancellationToken cancel)
    {
        var answers = await Task.WhenAll(sources.Names.Select(async service => (Service: service, Answer: await Ask(service, cancel))));
        await using var connection = await relay.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await using var batch = new NpgsqlBatch(connection, transaction);
        batch.BatchCommands.Add(new("DELETE FROM sources WHERE service <> ALL ($1)") { Parameters = { new() { Value = answers.Where(x => !x.Answer.IsNoSource).Select(x => x.Service).ToArray() } } });
        foreach (var (service, answer) in answers.Where(x => !x.Answer.IsNoSource))
        {
            batch.BatchCommands.Add(new(NoteSql)
            {
                Parameters =
                {
                    new() { Value = service }, new() { Value = time.GetUtcNow() }, new() { Value = answer.State is not null },
                    new() { Value = answer.State?.Auto ?? true }, new() { Value = (object?)answer.Problem ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text },
                },
            });
            if (answer.State is { } state)
            {
                Replace(batch, state);
            }
        }

        await batch.ExecuteNonQueryAsync(cancel);
        await transaction.CommitAsync(cancel);
        return [.. answers.Select(x => x.Answer.State).OfType<ChangeState>()];
    }

    private static void Replace(NpgsqlBatch batch, ChangeState state)
    {
        batch.BatchCommands.Add(new("DELETE FROM source_backlogs WHERE service = $1") { Parameters = { new() { Value = state.Service } } });
        if (state.Backlogs.Count == 0)
        {
            return;
        }

        batch.BatchCommands.Add(new(BacklogSql)
        {
            Parameters =
            {
                new() { Value = state.Service },
                new() { Value = state.Backlogs.Select(backlog => backlog.OrganisationId).ToArray() },
                new() { Value = state.Backlogs.Select(backlog => backlog.Pending).ToArray() },
                new() { Value = state.Backlogs.Select(backlog => backlog.OldestWaitsMs).ToArray() },
                new() { Value = state.Backlogs.Select(backlog => backlog.Failed).ToArray() },
            },
        });
    }

    private async Task<(ChangeState? State, string? Problem, bool IsNoSource)> Ask(string service, CancellationToken cancel)
    {
        try
        {
            var state = await sources.State(service, cancel);
            return (state, null, state is null);
        }
        catch (Exception exception) when (exception is ServiceAwayException or HttpRequestException or InvalidOperationException or System.Text.Json.JsonException)
        {
            Unanswered(service, exception.Message);
            return (null, Said(exception), false);
        }
    }

    /// <summary>Every member reads it: it names no address.</summary>
    private static string Said(Exception fault) => fault switch
    {
        HttpRequestException { StatusCode: { } status } => $"It answered {(int)status}.",
        System.Text.Json.JsonException => "Its answer cannot be read.",
        InvalidOperationException => "It cannot be asked as this service is set up.",
        _ => "It is away.",
    };

    [LoggerMessage(LogLevel.Warning, "{Service} does not say how its changes stand: {Reason}")]
    private partial void Unanswered(string service, string reason);
}
