using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace OpsPlatform.ServiceDefaults.Database;

/// <summary>
/// A service's own database and its four roles: owner migrates and keeps partitions, app serves requests and consumers
/// under row-level security, relay sees all rows of the tables that travel, digest the ids and versions of tracked rows.
/// </summary>
public sealed class ServiceDatabase : IAsyncDisposable
{
    /// <summary>So many that listeners seldom wait behind requests: with 16, and 64 callers, confirming orders fell behind placing them.</summary>
    private const int AppPool = 32;
    private const int OwnerPool = 2;
    private const int DigestPool = 2;

    /// <summary>The owner only migrates and tidies up: after a long time away there may be much, and cut off it would never be done.</summary>
    private const int UpkeepSeconds = 600;

    /// <summary>
    /// What a process that stands still or a machine that is gone has locked is free again in seconds: a transaction waits for its process no
    /// longer, and a server finds out in seconds, not hours, when its peer has vanished without a word.
    /// </summary>
    private const string LetGo =
        "-c idle_in_transaction_session_timeout=30s -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3";

    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="connectionString">Of an administrator; the roles' passwords derive from its password, so replicas agree on them.</param>
    internal ServiceDatabase(string service, string connectionString, int relayConnections, Assembly migrations)
    {
        Service = service;
        Migrations = migrations;
        Admin = new NpgsqlConnectionStringBuilder(connectionString);
        if (Admin.NoResetOnClose || Admin.Multiplexing)
        {
            throw new InvalidOperationException(
                $"Remove 'No Reset On Close' and 'Multiplexing' from ConnectionStrings__{service}db: a connection would carry one organisation's identity into another's request.");
        }

        App = Source("app", AppPool);
        Relay = Source("relay", relayConnections, isReset: false);
        Owner = Source("owner", OwnerPool);
        Digest = Source("digest", DigestPool);
    }

    public string Service { get; }

    public NpgsqlDataSource App { get; }

    /// <summary>
    /// Nothing may be set on its sessions but for one transaction, and a session's lock is freed by whoever took it: they are not reset in
    /// between, which cost as much as what most of them are asked.
    /// </summary>
    public NpgsqlDataSource Relay { get; }

    public NpgsqlDataSource Owner { get; }

    public NpgsqlDataSource Digest { get; }

    /// <summary>Completes when the database is there and migrated; work waits for it instead of failing.</summary>
    public Task Ready => _ready.Task;

    internal Assembly Migrations { get; }

    /// <summary>False for a service none of whose migrations tracks a table: it has no changes to compare.</summary>
    internal bool TracksTables => Migrations.GetManifestResourceNames().Where(name => name.EndsWith(".sql", StringComparison.Ordinal)).Any(name =>
    {
        using var reader = new StreamReader(Migrations.GetManifestResourceStream(name)!);
        return reader.ReadToEnd().Contains("ops_track_table(", StringComparison.Ordinal);
    });

    internal NpgsqlConnectionStringBuilder Admin { get; }

    public string Role(string kind) => $"{Service}_{kind}";

    public async ValueTask DisposeAsync()
    {
        await App.DisposeAsync();
        await Relay.DisposeAsync();
        await Owner.DisposeAsync();
        await Digest.DisposeAsync();
    }

    internal string Password(string kind) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Admin.Password ?? ""), Encoding.UTF8.GetBytes(Role(kind))));

    /// <summary>
    /// A small pool of its own in the app's role, for what has to commit by itself while the request holds a connection of the
    /// pool: taken from that one, as many such requests as it has would wait for each other for ever. Nothing may be set on its sessions but
    /// for one transaction: they are not reset in between. The caller disposes it.
    /// </summary>
    public NpgsqlDataSource Apart(int maxConnections) => Source("app", maxConnections, isReset: false);

    /// <summary>
    /// A connection outside the pool, for what belongs to a session: closing it frees its locks and ends its LISTEN at once. What it commits
    /// waits for no disk, and after a crash of the database may have to be done again.
    /// </summary>
    internal async Task<NpgsqlConnection> OpenRelaySession(CancellationToken cancel)
    {
        var settings = Settings("relay");
        settings.Pooling = false;
        settings.Options += " -c synchronous_commit=off";
        var connection = new NpgsqlConnection(settings.ConnectionString);
        try
        {
            await connection.OpenAsync(cancel);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    internal void MarkReady() => _ready.TrySetResult();

    private NpgsqlDataSource Source(string kind, int maxPool, bool isReset = true)
    {
        var settings = Settings(kind);
        settings.NoResetOnClose = !isReset;
        settings.MaxPoolSize = maxPool;
        settings.CommandTimeout = kind == "owner" ? UpkeepSeconds : settings.CommandTimeout;
        return NpgsqlDataSource.Create(settings);
    }

    private NpgsqlConnectionStringBuilder Settings(string kind) => new(Admin.ConnectionString)
    {
        Username = Role(kind),
        Password = Password(kind),
        MaxAutoPrepare = 100,
        ApplicationName = $"{Service}-{kind}",
        // Compiling a statement's plan takes some tens of milliseconds, and a batch of a few rows is guessed to be a large one.
        Options = $"-c jit=off {LetGo} {Admin.Options}".TrimEnd(),
    };
}
