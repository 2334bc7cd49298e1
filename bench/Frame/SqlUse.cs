namespace OpsPlatform.Bench.Frame;

/// <summary>The statements that took the database longest over a phase, by pg_stat_statements: what a function runs counts as its own.</summary>
internal sealed record SqlUse(IReadOnlyList<SqlUse.Statement> Statements)
{
    private const int Most = 12;
    private const int MaxText = 110;

    private const string ReadSql = """
        SELECT d.datname, s.calls, s.total_exec_time, s.mean_exec_time, s.rows, regexp_replace(s.query, '\s+', ' ', 'g')
        FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
        WHERE d.datname NOT LIKE 'bench%' AND d.datname <> 'postgres'
        ORDER BY s.total_exec_time DESC LIMIT $1
        """;

    internal sealed record Statement(string Database, long Calls, double TotalMs, double MeanMs, long Rows, string Text);

    public static async Task Begin(BenchSystem system, CancellationToken cancel)
    {
        await using var database = system.Database("postgres", 1);
        await using var reset = database.CreateCommand("CREATE EXTENSION IF NOT EXISTS pg_stat_statements; SELECT pg_stat_statements_reset()");
        await reset.ExecuteNonQueryAsync(cancel);
    }

    public static async Task<SqlUse> End(BenchSystem system, CancellationToken cancel)
    {
        await using var database = system.Database("postgres", 1);
        await using var read = database.CreateCommand(ReadSql);
        read.Parameters.Add(new() { Value = Most });
        List<Statement> statements = [];
        await using var row = await read.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            var text = row.GetString(5);
            statements.Add(new(
                row.GetString(0), row.GetInt64(1), row.GetDouble(2), row.GetDouble(3), row.GetInt64(4), text.Length > MaxText ? $"{text[..MaxText]} …" : text));
        }

        return new(statements);
    }

    /// <summary>A table in Markdown.</summary>
    public override string ToString() => "| database | statement | calls | ms each | ms in all | rows |\n|---|---|---:|---:|---:|---:|\n" + string.Concat(Statements.Select(x =>
        $"| {x.Database} | `{x.Text.Replace("|", "\\|", StringComparison.Ordinal).Replace('`', ' ')}` | {x.Calls} | {x.MeanMs:0.00} | {x.TotalMs:0} | {x.Rows} |\n"));
}
