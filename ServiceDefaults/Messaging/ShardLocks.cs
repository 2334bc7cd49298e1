using Npgsql;
using OpsPlatform.Contracts;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>
/// The shards this session may send, by session advisory locks: the lock decides, so no shard has two owners, and a session
/// that ends, however it ends, frees its own. Each session takes its fair share of what is free and gives back what is above it.
/// </summary>
internal sealed class ShardLocks(NpgsqlConnection session)
{
    private const string Key = "hashtext('opsplatform relay')";

    /// <summary>Held shared by every session that takes part; the shards are the keys below it.</summary>
    private const int Member = Topology.Shards;

    private const string ReadSql = $"""
        SELECT objid::int, pid, pid = pg_backend_pid() FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND classid::bigint = {Key}::bigint & 4294967295 AND objsubid = 2
        """;

    /// <summary>Those that travel together are next to each other: whoever has few of them sends few messages.</summary>
    private static readonly short[] ByQueue = [.. Enumerable.Range(0, Topology.Shards).Select(shard => (short)shard).OrderBy(shard => Topology.ChangeQueue(shard), StringComparer.Ordinal)];

    private readonly HashSet<short> _held = [];

    public IReadOnlySet<short> Held => _held;

    public Task Join(CancellationToken cancel) => Run($"SELECT pg_advisory_lock_shared({Key}, $1)", Member, cancel);

    /// <summary>Call it between batches: whoever takes a shard over reads on where the last owner's settled batch ended.</summary>
    /// <returns>True when shards were given back: others may want to know.</returns>
    public async Task<bool> TakeFairShare(CancellationToken cancel)
    {
        var (members, taken) = await Read(cancel);
        var rank = members.Count(member => member.Pid < members.Single(other => other.IsMine).Pid);
        var share = (Topology.Shards / members.Count) + (rank < Topology.Shards % members.Count ? 1 : 0);
        var gaveBack = false;
        while (_held.Count > share)
        {
            var shard = ByQueue.Last(_held.Contains);
            await Run($"SELECT pg_advisory_unlock({Key}, $1)", shard, cancel);
            _held.Remove(shard);
            gaveBack = true;
        }

        foreach (var shard in ByQueue)
        {
            if (_held.Count < share && !taken.Contains(shard) && await Run($"SELECT pg_try_advisory_lock({Key}, $1)", shard, cancel) is true)
            {
                _held.Add(shard);
            }
        }

        return gaveBack;
    }

    public async Task Leave(CancellationToken cancel)
    {
        _held.Clear();
        await using var leave = new NpgsqlCommand("SELECT pg_advisory_unlock_all()", session);
        await leave.ExecuteNonQueryAsync(cancel);
    }

    private async Task<(List<(int Pid, bool IsMine)> Members, HashSet<short> Taken)> Read(CancellationToken cancel)
    {
        List<(int, bool)> members = [];
        HashSet<short> taken = [];
        await using var read = new NpgsqlCommand(ReadSql, session);
        await using var row = await read.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            if (row.GetInt32(0) is var key and < Member)
            {
                taken.Add((short)key);
            }
            else
            {
                members.Add((row.GetInt32(1), row.GetBoolean(2)));
            }
        }

        return (members, taken);
    }

    private async Task<object?> Run(string sql, int key, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(sql, session) { Parameters = { new() { Value = key } } };
        return await command.ExecuteScalarAsync(cancel);
    }
}
