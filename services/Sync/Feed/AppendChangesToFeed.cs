using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.Sync.Health;

namespace OpsPlatform.Sync.Feed;

/// <summary>Appends a batch in one statement, its own transaction, and hands what was new to the readers of all replicas.</summary>
internal sealed class AppendChangesToFeed(
    [FromKeyedServices("relay")] NpgsqlDataSource relay, FeedHub hub, FeedAdvanced advanced, NoteAppends notes, FeedTrail trail)
    : IHearChanges
{
    private const string Sql =
        "SELECT ordinal, feed_position FROM append_changes($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";

    public Task Passed(Guid marker, int shard, CancellationToken cancel) => notes.Passed(marker, shard, cancel);

    public async Task Hear(string service, IReadOnlyList<CapturedChange> changes, CancellationToken cancel)
    {
        var appended = await Append(service, changes, cancel);
        notes.Appended(service, appended.Select(entry => entry.Change));
        foreach (var group in appended.GroupBy(entry => entry.Change.OrgId))
        {
            advanced.Tell(group.Key, group.Last().Position);
            var noted = trail.Note(group.Key, group);
            // Nobody listens to most organisations: serialising for them would be work for nothing.
            if (!hub.HasReaders(group.Key))
            {
                continue;
            }

            using var frames = new FrameWriter(group.Count());
            var first = group.First().Position;
            foreach (var (position, change) in group)
            {
                frames.Add(position, service, change);
            }

            hub.Deliver(group.Key, frames.ToBatch(first - 1, frames.LastPosition) with { Trail = noted });
        }
    }

    private async Task<List<(long Position, CapturedChange Change)>> Append(string service, IReadOnlyList<CapturedChange> changes, CancellationToken cancel)
    {
        await using var command = relay.CreateCommand(Sql);
        command.Parameters.Add(new() { Value = service });
        Add(command, changes, change => change.Seq);
        Add(command, changes, change => change.Id);
        Add(command, changes, change => change.OrgId);
        Add(command, changes, change => change.EventType);
        Add(command, changes, change => change.Category);
        Add(command, changes, change => change.Priority);
        Add(command, changes, change => change.EntityType);
        Add(command, changes, change => change.EntityId);
        Add(command, changes, change => change.RowVersion);
        Add(command, changes, change => change.Operation);
        Add(command, changes, change => change.Data);
        Add(command, changes, change => change.Changed);
        Add(command, changes, change => change.Metadata);
        Add(command, changes, change => change.CapturedAt.ToUniversalTime());
        await using var rows = await command.ExecuteReaderAsync(cancel);
        var appended = new List<(long, CapturedChange)>(changes.Count);
        while (await rows.ReadAsync(cancel))
        {
            appended.Add((rows.GetInt64(1), changes[(int)rows.GetInt64(0) - 1]));
        }

        return appended;
    }

    private static void Add<T>(NpgsqlCommand command, IReadOnlyList<CapturedChange> changes, Func<CapturedChange, T> value) =>
        command.Parameters.Add(new NpgsqlParameter<T[]> { TypedValue = [.. changes.Select(value)] });
}
