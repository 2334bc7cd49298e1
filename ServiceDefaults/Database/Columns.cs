using Npgsql;
using NpgsqlTypes;

namespace OpsPlatform.ServiceDefaults.Database;

/// <summary>Parameters that hold a column of many rows, for INSERT … SELECT FROM unnest.</summary>
public static class Columns
{
    /// <param name="type">Of one value.</param>
    public static NpgsqlParameter Of<TRow, T>(IReadOnlyList<TRow> rows, Func<TRow, T> column, NpgsqlDbType type) =>
        new() { Value = rows.Select(column).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | type };
}
