using Microsoft.Extensions.Logging;
using Npgsql;

namespace OpsPlatform.ServiceDefaults.Database;

/// <summary>
/// Deletes what is old, by the database's clock and in its owner's role: rows some thousand at a time and partitions a week at a time,
/// each in a transaction of its own. What cannot be had for another's lock is left to the next round and holds up nothing else; replicas
/// skip what another one holds.
/// </summary>
public sealed partial class Forgetting(ServiceDatabase database, ILogger<Forgetting> log)
{
    private const int AtMost = 5_000;

    /// <param name="condition">SQL that a row must fulfil besides.</param>
    /// <returns>How many were deleted.</returns>
    public Task<int> Rows(string table, string column, TimeSpan age, CancellationToken cancel, string condition = "true") =>
        Pieces("SELECT ops_forget_rows(now() - $1, $2, $3, $4, $5)", age, cancel, table, column, condition);

    /// <param name="sql">Deletes what is older than $1, at most $2, and answers how many it did.</param>
    /// <returns>How many were deleted.</returns>
    public async Task<int> Pieces(string sql, TimeSpan age, CancellationToken cancel, params object[] more)
    {
        var all = 0;
        int some;
        do
        {
            some = await Run(sql, cancel, [age, AtMost, .. more]);
            all += some;
        }
        while (some == AtMost);

        return all;
    }

    /// <param name="drop">The function that drops a week and answers how many it did.</param>
    /// <returns>How many were dropped.</returns>
    public async Task<int> Weeks(string table, TimeSpan age, CancellationToken cancel, string drop = "ops_drop_week")
    {
        var dropped = 0;
        foreach (var week in await Old(table, age, cancel))
        {
            dropped += await Run($"SELECT {drop}($1)", cancel, week);
        }

        return dropped;
    }

    private async Task<string[]> Old(string table, TimeSpan age, CancellationToken cancel)
    {
        await using var find = database.Owner.CreateCommand("SELECT coalesce(array_agg(week), '{}') FROM ops_weeks_before(now() - $1, $2) AS week");
        find.Parameters.Add(new() { Value = age });
        find.Parameters.Add(new() { Value = table });
        return await Tried(find, cancel) as string[] ?? [];
    }

    private async Task<int> Run(string sql, CancellationToken cancel, params object[] values)
    {
        await using var command = database.Owner.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }

        return await Tried(command, cancel) as int? ?? 0;
    }

    private async Task<object?> Tried(NpgsqlCommand command, CancellationToken cancel)
    {
        try
        {
            return await command.ExecuteScalarAsync(cancel);
        }
        catch (NpgsqlException fault)
        {
            Later(command.CommandText, string.Join(", ", command.Parameters.Select(parameter => parameter.Value)), fault.Message);
            return null;
        }
    }

    [LoggerMessage(LogLevel.Warning, "What is old is forgotten later: {Reason} ({Sql}: {Values})")]
    private partial void Later(string sql, string values, string reason);
}
