using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.ServiceDefaults.Database;

/// <summary>Makes the database, the roles and the schema, trying until the server is there; then looks after the tables, whose partitions are kept ahead of time.</summary>
internal sealed partial class DatabaseStarter(ServiceDatabase database, TimeProvider time, ILogger<DatabaseStarter> log) : BackgroundService
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan TablesInterval = TimeSpan.FromHours(1);
    private static readonly TimeSpan TablesRetryDelay = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!await Tried("prepared", Prepare, stoppingToken))
        {
            await Task.Delay(RetryDelay, time, stoppingToken);
        }

        // Almost always there is nothing to do and no lock is taken. What cannot be done, because a backup reads the table, is not waited
        // for: rows go to the default partition, and plans are those of before, until it can.
        var done = await LookAfterTables(stoppingToken);
        database.MarkReady();
        while (true)
        {
            await Task.Delay(done ? TablesInterval : TablesRetryDelay, time, stoppingToken);
            done = await LookAfterTables(stoppingToken);
        }
    }

    private async Task<bool> Tried(string what, Func<CancellationToken, Task> work, CancellationToken cancel)
    {
        try
        {
            await work(cancel);
            return true;
        }
        catch (Exception exception) when (exception is NpgsqlException or TimeoutException or InvalidOperationException)
        {
            NotYet(database.Service, what, exception.Message);
            return false;
        }
    }

    private async Task Prepare(CancellationToken cancel)
    {
        await Provision(cancel);
        await Migrator.Migrate(database, cancel);
        await LookAtNewTables(cancel);
    }

    private async Task Provision(CancellationToken cancel)
    {
        var settings = new NpgsqlConnectionStringBuilder(database.Admin.ConnectionString) { Database = "postgres", Pooling = false };
        await using var admin = new NpgsqlConnection(settings.ConnectionString);
        await admin.OpenAsync(cancel);
        await Run(admin, "SELECT pg_advisory_lock(hashtext('opsplatform provision'))", cancel);
        foreach (var kind in (string[])["owner", "app", "relay", "digest"])
        {
            var role = database.Role(kind);
            await Run(admin, $"""
                DO $$ BEGIN
                  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role}; END IF;
                END $$;
                ALTER ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD '{database.Password(kind)}';
                """, cancel);
        }

        var name = new NpgsqlCommandBuilder().QuoteIdentifier(database.Admin.Database!);
        await using var exists = new NpgsqlCommand("SELECT 1 FROM pg_database WHERE datname = $1", admin) { Parameters = { new() { Value = database.Admin.Database! } } };
        if (await exists.ExecuteScalarAsync(cancel) is null)
        {
            await Run(admin, $"CREATE DATABASE {name}", cancel);
        }

        await Run(admin, $"ALTER DATABASE {name} OWNER TO {database.Role("owner")}", cancel);
        await Run(admin, $"REVOKE ALL ON DATABASE {name} FROM PUBLIC", cancel);
        await Run(admin, $"GRANT CONNECT ON DATABASE {name} TO {database.Role("app")}, {database.Role("relay")}, {database.Role("digest")}", cancel);
    }

    /// <summary>After the migrations, because any of them may have made or tracked another table.</summary>
    private async Task LookAtNewTables(CancellationToken cancel)
    {
        await using var connection = await database.Owner.OpenConnectionAsync(cancel);
        await Run(connection, "SELECT pg_advisory_xact_lock(hashtext('opsplatform migrate')); SELECT ops_let_digest(), ops_leave_statistics(), ops_plan_functions_for_any_organisation()", cancel);
    }

    /// <returns>Whether every table has its weeks and is read by plans for any organisation.</returns>
    private async Task<bool> LookAfterTables(CancellationToken cancel)
    {
        var planned = await ForEach("ops_tables_planned_for_one_organisation()", "ops_plan_for_any_organisation($1)", "planned for any organisation in", cancel);
        var made = await ForEach("(SELECT coalesce(array_agg(name), '{}') FROM partitioned_tables)", "ops_ensure_partitions($1)", "given the weeks of", cancel);
        return made && planned && await Tried("looked through", LookForStrays, cancel);
    }

    private async Task LookForStrays(CancellationToken cancel)
    {
        await using var strays = database.Owner.CreateCommand("SELECT ops_rows_in_default_partitions()");
        if (await strays.ExecuteScalarAsync(cancel) is long and > 0)
        {
            DefaultPartitionUsed(database.Service);
        }
    }

    /// <summary>Each in a transaction by itself: what waits for one table's lock holds no other's.</summary>
    private async Task<bool> ForEach(string tables, string call, string what, CancellationToken cancel)
    {
        string[] names = [];
        var done = await Tried("looked at", async token =>
        {
            await using var read = database.Owner.CreateCommand($"SELECT {tables}");
            names = (string[])(await read.ExecuteScalarAsync(token))!;
        }, cancel);
        foreach (var table in names)
        {
            done &= await Tried($"{what} {table}", token => Do(call, table, token), cancel);
        }

        return done;
    }

    /// <summary>Replicas take turns, and the next one finds it done.</summary>
    private async Task Do(string call, string table, CancellationToken cancel)
    {
        await using var batch = database.Owner.CreateBatch();
        batch.BatchCommands.Add(new("SELECT pg_advisory_xact_lock(hashtext('opsplatform partitions'))"));
        batch.BatchCommands.Add(new($"SELECT {call}") { Parameters = { new() { Value = table } } });
        await batch.ExecuteNonQueryAsync(cancel);
    }

    private static async Task Run(NpgsqlConnection connection, string sql, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancel);
    }

    [LoggerMessage(LogLevel.Warning, "The {Service} database is not {What} yet: {Reason}")]
    private partial void NotYet(string service, string what, string reason);

    [LoggerMessage(LogLevel.Error, "Rows are in a default partition of the {Service} database: its clock or the partition maintenance is off")]
    private partial void DefaultPartitionUsed(string service);
}

/// <summary>Applies the frame's and the service's .sql files once each, in name order, as the owner.</summary>
internal static class Migrator
{
    public static async Task Migrate(ServiceDatabase database, CancellationToken cancel)
    {
        await using var connection = await database.Owner.OpenConnectionAsync(cancel);
        await using var setUp = new NpgsqlCommand("""
            SELECT pg_advisory_lock(hashtext('opsplatform migrate'));
            CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());
            """, connection);
        await setUp.ExecuteNonQueryAsync(cancel);
        var applied = new Dictionary<string, string>();
        await using (var read = new NpgsqlCommand("SELECT name, sha256 FROM schema_migrations", connection))
        await using (var rows = await read.ExecuteReaderAsync(cancel))
        {
            while (await rows.ReadAsync(cancel))
            {
                applied[rows.GetString(0)] = rows.GetString(1);
            }
        }

        foreach (var (name, sql) in Files(typeof(Migrator).Assembly).Concat(Files(database.Migrations)))
        {
            var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(sql)));
            if (applied.TryGetValue(name, out var before))
            {
                if (before != hash)
                {
                    throw new InvalidOperationException($"{name} was edited after it was applied: restore it and put the change into a new file.");
                }

                continue;
            }

            await using var transaction = await connection.BeginTransactionAsync(cancel);
            await using var apply = new NpgsqlCommand(sql.Replace("{{service}}", database.Service, StringComparison.Ordinal), connection)
            {
                // An index over a large table takes as long as it takes; cut off, the next start would begin it again and be cut off again.
                CommandTimeout = 0,
            };
            await apply.ExecuteNonQueryAsync(cancel);
            await using var note = new NpgsqlCommand("INSERT INTO schema_migrations (name, sha256) VALUES ($1, $2)", connection)
            {
                Parameters = { new() { Value = name }, new() { Value = hash } },
            };
            await note.ExecuteNonQueryAsync(cancel);
            await transaction.CommitAsync(cancel);
        }

        await using var unlock = new NpgsqlCommand("SELECT pg_advisory_unlock(hashtext('opsplatform migrate'))", connection);
        await unlock.ExecuteNonQueryAsync(cancel);
        await connection.ReloadTypesAsync(cancel);
    }

    private static IEnumerable<(string Name, string Sql)> Files(System.Reflection.Assembly assembly) =>
        assembly.GetManifestResourceNames()
            .Where(name => name.EndsWith(".sql", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(name =>
            {
                using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
                return (name, reader.ReadToEnd());
            });
}

/// <summary>Until the schema is there a request is told to come again, instead of failing.</summary>
internal sealed class StartingMiddleware(RequestDelegate next, ServiceDatabase database)
{
    public Task Invoke(HttpContext http)
    {
        if (database.Ready.IsCompletedSuccessfully || http.GetEndpoint()?.Metadata.GetMetadata<Telemetry.HealthEndpoint>() is not null)
        {
            return next(http);
        }

        http.Response.Headers.RetryAfter = "1";
        http.Response.SetNotTaken();
        return Problem.Of("starting", 503, "The service is starting.", "Its database is not ready yet. Try again in a second.").ExecuteAsync(http);
    }
}
