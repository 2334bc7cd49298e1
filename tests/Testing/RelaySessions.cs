using Npgsql;

namespace OpsPlatform.Testing;

/// <summary>Looks at the sessions of a service's relays as its work leaves them.</summary>
public static class RelaySessions
{
    /// <summary>What was set for a transaction only is an empty text after it; pg_settings does not show settings of our own.</summary>
    private const string LeftSql = """
        SELECT name || ' = ' || setting FROM pg_settings WHERE source = 'session'
        UNION ALL
        SELECT name || ' = ' || current_setting(name, true)
        FROM unnest(ARRAY['app.org_id', 'app.actor', 'app.context', 'app.contexts', 'app.resync_org']) AS name WHERE current_setting(name, true) <> ''
        UNION ALL
        SELECT 'lock ' || classid || ' ' || objid FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'
        """;

    /// <summary>
    /// What is set on the sessions of the relays' pool, or locked by them: they are not reset between uses, so nothing may be. Of those that somebody keeps
    /// nothing is seen, and what <see cref="ServiceFixture.OpenAs"/> sets for an organisation counts.
    /// </summary>
    public static async Task<IReadOnlyList<string>> LeftOnRelaySessions(this ServiceFixture service)
    {
        List<NpgsqlConnection> sessions = [];
        List<string> left = [];
        try
        {
            using var inUse = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            for (var most = new NpgsqlConnectionStringBuilder(service.Database.Relay.ConnectionString).MaxPoolSize; sessions.Count < most && !inUse.IsCancellationRequested;)
            {
                if (await Opened(inUse.Token) is { } session)
                {
                    sessions.Add(session);
                }
            }

            foreach (var session in sessions)
            {
                await using var read = new NpgsqlCommand(LeftSql, session);
                await using var row = await read.ExecuteReaderAsync();
                while (await row.ReadAsync())
                {
                    left.Add(row.GetString(0));
                }
            }
        }
        finally
        {
            await Task.WhenAll(sessions.Select(session => session.DisposeAsync().AsTask()));
        }

        return left;

        async Task<NpgsqlConnection?> Opened(CancellationToken cancel)
        {
            try
            {
                return await service.Database.Relay.OpenConnectionAsync(cancel);
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        }
    }
}
