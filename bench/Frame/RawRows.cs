using Npgsql;

namespace OpsPlatform.Bench.Frame;

/// <summary>Rows of one table as they are in a service's database, to be inserted again as plainly as can be.</summary>
internal sealed class RawRows(string table, IReadOnlyList<(string Name, string Type)> columns, IReadOnlyList<object[]> rows)
{
    public IReadOnlyList<object[]> Rows => rows;

    public int IndexOf(string column) => columns.Select(known => known.Name).ToList().IndexOf(column);

    /// <param name="leaveOut">What the database makes itself.</param>
    public static async Task<RawRows> Read(NpgsqlDataSource database, string table, string order, string? leaveOut, CancellationToken cancel)
    {
        await using var command = database.CreateCommand($"SELECT * FROM {table} {order}");
        await using var reader = await command.ExecuteReaderAsync(cancel);
        var kept = Enumerable.Range(0, reader.FieldCount).Where(i => reader.GetName(i) != leaveOut).ToArray();
        List<object[]> rows = [];
        while (await reader.ReadAsync(cancel))
        {
            rows.Add([.. kept.Select(reader.GetValue)]);
        }

        return new(table, [.. kept.Select(i => (reader.GetName(i), reader.GetDataTypeName(i)))], rows);
    }

    /// <param name="change">Gives a column another value: each insert needs keys of its own.</param>
    public NpgsqlBatchCommand Insert(IReadOnlyList<object[]> which, Func<string, object, object> change)
    {
        var command = new NpgsqlBatchCommand();
        var tuples = new List<string>();
        foreach (var row in which)
        {
            var places = new List<string>();
            for (var i = 0; i < columns.Count; i++)
            {
                command.Parameters.Add(new() { Value = change(columns[i].Name, row[i]), DataTypeName = columns[i].Type });
                places.Add($"${command.Parameters.Count}");
            }

            tuples.Add($"({string.Join(", ", places)})");
        }

        command.CommandText = $"INSERT INTO {table} ({string.Join(", ", columns.Select(column => column.Name))}) VALUES {string.Join(", ", tuples)}";
        return command;
    }
}
