using Npgsql;

namespace OpsPlatform.System.Tests;

/// <summary>Whoever writes rows of a kind waits within their transaction until they are released.</summary>
public sealed class HeldRows : IAsyncDisposable
{
    private const int Lock = 4711;
    private readonly NpgsqlConnection _connection;
    private readonly string _table;

    private HeldRows(NpgsqlConnection connection, string table) => (_connection, _table) = (connection, table);

    /// <param name="write">INSERT, UPDATE or DELETE, or several with OR between them.</param>
    /// <param name="rows">Which, as SQL over NEW or OLD.</param>
    public static async Task<HeldRows> Of(string? database, string table, string write, string rows)
    {
        var held = new HeldRows(new(database), table);
        await held._connection.OpenAsync();
        await held.Run($"""
            CREATE FUNCTION wait_here() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock({Lock}); RETURN coalesce(NEW, OLD); END $$;
            CREATE TRIGGER wait_here BEFORE {write} ON {table} FOR EACH ROW WHEN ({rows}) EXECUTE FUNCTION wait_here();
            SELECT pg_advisory_lock({Lock});
            """);
        return held;
    }

    public Task Release() => Run($"SELECT pg_advisory_unlock({Lock}); DROP TRIGGER wait_here ON {_table}; DROP FUNCTION wait_here()");

    /// <returns>The number that a query of their database answers.</returns>
    public async Task<long> Read(string sql)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>A test that broke off leaves the trigger, which waits for nobody then.</summary>
    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private async Task Run(string sql)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        await command.ExecuteNonQueryAsync();
    }
}
