using System.Text.Json;
using Npgsql;
using NpgsqlTypes;

namespace OpsPlatform.Sync.Health;

/// <summary>Judges every organisation about which there is something to say; of the others nothing changed, and nothing is written.</summary>
internal sealed class JudgeHealth(
    OrganisationSamples samples, MetricsTable metrics, ChangeLevel changeLevel, [FromKeyedServices("relay")] NpgsqlDataSource relay, TimeProvider time)
{
    /// <summary>Organisations read in one round trip.</summary>
    private const int OrganisationsPerBatch = 200;

    private const string WhoSql = """
        SELECT org_id FROM sync_health WHERE level <> 'normal' OR better_samples > 0 OR reasons <> '[]'
        UNION SELECT org_id FROM source_backlogs
        UNION SELECT org_id FROM consistency WHERE mismatching > 0 OR checked_at > $1
        UNION SELECT org_id FROM feed_activity WHERE until > $1
        UNION SELECT org_id FROM parked_messages WHERE org_id IS NOT NULL AND queue LIKE 'sync.changes.%'
        UNION SELECT org_id FROM feed_holes
        """;

    private const string StatesSql = """
        INSERT INTO sync_health (org_id) SELECT unnest($1) ON CONFLICT DO NOTHING;
        """;

    private const string NoteSql = """
        UPDATE sync_health h SET better_samples = u.better, worst_of_better = u.worst, reasons = u.reasons, checked_at = $5
        FROM unnest($1::uuid[], $2::int[], $3::text[], $4::jsonb[]) u (org_id, better, worst, reasons) WHERE h.org_id = u.org_id
        """;

    /// <param name="since">When the last check was: who was active since is judged.</param>
    /// <returns>How many organisations are at each level.</returns>
    public async Task<IReadOnlyDictionary<HealthLevel, int>> Run(DateTimeOffset since, CancellationToken cancel)
    {
        var levels = new Dictionary<HealthLevel, int>();
        foreach (var orgs in (await Who(since, cancel)).Chunk(OrganisationsPerBatch))
        {
            foreach (var level in await Judge(orgs, since, cancel))
            {
                levels[level] = levels.GetValueOrDefault(level) + 1;
            }
        }

        return levels;
    }

    private async Task<List<HealthLevel>> Judge(Guid[] orgs, DateTimeOffset since, CancellationToken cancel)
    {
        var at = time.GetUtcNow();
        await using var connection = await relay.OpenConnectionAsync(cancel);
        var states = await States(connection, orgs, cancel);
        var known = await samples.Read(connection, orgs, cancel);
        List<(Guid? Org, Reading Reading)> recorded = [];
        List<(Guid Org, LevelState State, IReadOnlyList<string> Reasons)> notes = [];
        foreach (var (org, sample) in known)
        {
            var readings = JudgeOrganisation.Judge(sample);
            string[] reasons = [.. readings.Select(reading => reading.Reason).OfType<string>()];
            var before = states[org];
            var after = before.After(JudgeOrganisation.Worst(readings), HealthOptions.SamplesToImprove);
            if (after.Level != before.Level)
            {
                await changeLevel.Run(org, before.Level, after.Level, reasons, cancel);
            }

            notes.Add((org, after, reasons));
            recorded.Add((org, new("sync_health", "level", (int)after.Level, "level", after.Level, Metadata: new { reasons })));
            // Tables that nothing was written to since the last check were recorded then.
            recorded.AddRange(readings.Where(reading => IsNews(reading, sample, since)).Select(reading => ((Guid?)org, reading)));
        }

        await metrics.Record(recorded, at, cancel);
        await Note(connection, notes, at, cancel);
        return [.. notes.Select(note => note.State.Level)];
    }

    private static bool IsNews(Reading reading, OrganisationSample sample, DateTimeOffset since) =>
        reading.Status != HealthLevel.Normal || reading.Type != "data_consistency" || reading.Name == "score"
        || sample.Tables.Any(table => reading.Name == $"{table.Service}.{table.EntityType}" && table.CheckedAt > since);

    private async Task<List<Guid>> Who(DateTimeOffset since, CancellationToken cancel)
    {
        await using var read = relay.CreateCommand(WhoSql);
        read.Parameters.Add(new() { Value = since });
        await using var row = await read.ExecuteReaderAsync(cancel);
        List<Guid> found = [];
        while (await row.ReadAsync(cancel))
        {
            found.Add(row.GetGuid(0));
        }

        return found;
    }

    private static async Task<Dictionary<Guid, LevelState>> States(NpgsqlConnection connection, Guid[] orgs, CancellationToken cancel)
    {
        await using var add = new NpgsqlCommand(StatesSql, connection) { Parameters = { new() { Value = orgs } } };
        await add.ExecuteNonQueryAsync(cancel);
        await using var read = new NpgsqlCommand("SELECT org_id, level, better_samples, worst_of_better FROM sync_health WHERE org_id = ANY ($1)", connection)
        {
            Parameters = { new() { Value = orgs } },
        };
        await using var row = await read.ExecuteReaderAsync(cancel);
        var states = new Dictionary<Guid, LevelState>();
        while (await row.ReadAsync(cancel))
        {
            states[row.GetGuid(0)] = new(
                ChangeLevel.Parse(row.GetString(1)), row.GetInt32(2), row.IsDBNull(3) ? HealthLevel.Normal : ChangeLevel.Parse(row.GetString(3)));
        }

        return states;
    }

    private static async Task Note(
        NpgsqlConnection connection, List<(Guid Org, LevelState State, IReadOnlyList<string> Reasons)> notes, DateTimeOffset at, CancellationToken cancel)
    {
        await using var note = new NpgsqlCommand(NoteSql, connection)
        {
            Parameters =
            {
                new() { Value = notes.Select(x => x.Org).ToArray() },
                new() { Value = notes.Select(x => x.State.BetterSamples).ToArray() },
                new() { Value = notes.Select(x => x.State.BetterSamples == 0 ? null : ChangeLevel.Name(x.State.WorstOfBetter)).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text },
                new() { Value = notes.Select(x => JsonSerializer.Serialize(x.Reasons)).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Jsonb },
                new() { Value = at },
            },
        };
        await note.ExecuteNonQueryAsync(cancel);
    }
}
