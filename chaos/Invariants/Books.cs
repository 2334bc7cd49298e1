using Npgsql;
using OpsPlatform.Chaos.Running;

namespace OpsPlatform.Chaos.Invariants;

/// <summary>The services' databases, read by their administrator: what row-level security would hide is seen too.</summary>
internal sealed class Books : IAsyncDisposable
{
    public static readonly IReadOnlyList<string> Services = ["identity", "registry", "inventory", "orders", "sync", "operations", "analytics"];

    private const int Connections = 2;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);
    private readonly Dictionary<string, NpgsqlDataSource> _databases;

    public Books(Target target) => _databases = Services.Append("postgres").ToDictionary(name => name, name => NpgsqlDataSource.Create(
        new NpgsqlConnectionStringBuilder(target.Administrator)
        {
            Database = name,
            MaxPoolSize = Connections,
            CommandTimeout = (int)Patience.TotalSeconds,
            ApplicationName = "chaos",
        }));

    /// <summary>Rows of one statement and so of one snapshot; tried again while the database is away.</summary>
    public async Task<List<T>> Read<T>(string database, string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancel, params object[] values)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(Patience);
        while (true)
        {
            try
            {
                return await Once(database, sql, read, patience.Token, values);
            }
            catch (NpgsqlException away) when (away.IsTransient || away.SqlState is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CannotConnectNow)
            {
                if (patience.IsCancellationRequested)
                {
                    throw;
                }

                await Task.Delay(Pause, cancel);
            }
        }
    }

    public async Task<T> Single<T>(string database, string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancel, params object[] values) =>
        (await Read(database, sql, read, cancel, values)).Single();

    public Task<long> Number(string database, string sql, CancellationToken cancel, params object[] values) =>
        Single(database, sql, row => row.GetInt64(0), cancel, values);

    /// <summary>As <see cref="Read"/>, without a second attempt.</summary>
    public async Task<List<T>> Once<T>(string database, string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancel, params object[] values)
    {
        await using var command = _databases[database].CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }

        List<T> rows = [];
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
        {
            rows.Add(read(reader));
        }

        return rows;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var database in _databases.Values)
        {
            await database.DisposeAsync();
        }
    }
}
