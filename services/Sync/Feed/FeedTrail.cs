using System.Threading.Channels;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Sync.Feed;

/// <summary>
/// Keeps when changes were appended and when their first reader got them, for whoever asks how a change went.
/// Kept in memory and stored once a second, off the way to the readers: up to 1,000 changes and 4 MB a second, and of what comes
/// beyond that nothing, because a flood is looked at by its figures and not by its entries.
/// </summary>
internal sealed partial class FeedTrail(
    [FromKeyedServices("relay")] NpgsqlDataSource relay, ServiceDatabase database, TimeProvider time, ILogger<FeedTrail> log) : BackgroundService
{
    private const int MaxPerInterval = 1_000;
    private const int MaxBytesPerInterval = 4 * 1024 * 1024;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private const string Sql = """
        INSERT INTO hops (org_id, correlation_id, what, name, message_id, causation_id, traceparent, entity_id, position, at, delivered_at)
        SELECT n.org_id, (n.metadata ->> 'correlationId')::uuid, 'appended', n.name, n.id, (n.metadata ->> 'causationId')::uuid,
          n.metadata ->> 'traceparent', n.entity_id, n.position, n.at, n.delivered_at
        FROM unnest($1::uuid[], $2::jsonb[], $3::text[], $4::uuid[], $5::text[], $6::bigint[], $7::timestamptz[], $8::timestamptz[])
          AS n (org_id, metadata, name, id, entity_id, position, at, delivered_at)
        WHERE n.metadata ? 'correlationId'
        """;

    /// <summary>
    /// What another process appended and readers of this one got. Range by range: joined as a whole, an organisation's ranges would each be
    /// compared with all of its feed.
    /// </summary>
    private const string ReadSql = """
        INSERT INTO hops (org_id, correlation_id, what, name, message_id, causation_id, traceparent, entity_id, position, at)
        SELECT f.org_id, (f.metadata ->> 'correlationId')::uuid, 'delivered', f.event_type, f.id, (f.metadata ->> 'causationId')::uuid,
          f.metadata ->> 'traceparent', f.entity_id, f.position, n.at
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[]) AS n (org_id, after, up_to, at)
        CROSS JOIN LATERAL (
          SELECT * FROM feed WHERE feed.org_id = n.org_id AND feed.position > n.after AND feed.position <= n.up_to ORDER BY feed.position LIMIT n.up_to - n.after
        ) f
        WHERE f.metadata ->> 'correlationId' IS NOT NULL
        """;

    private readonly Channel<Part> _noted = Channel.CreateBounded<Part>(MaxPerInterval);
    private int _room = MaxPerInterval;
    private long _bytesOfRoom = MaxBytesPerInterval;

    /// <summary>Notes that one organisation's changes have just been appended.</summary>
    /// <returns>What to tell when a reader gets them; null when the interval holds no more.</returns>
    public Part? Note(Guid org, IEnumerable<(long Position, CapturedChange Change)> appended)
    {
        if (!HasRoomFor(appended.Count(), appended.Sum(entry => (long)sizeof(char) * (entry.Change.EntityId.Length + entry.Change.Metadata.Length))))
        {
            return null;
        }

        Entry[] entries = [.. appended.Select(entry => new Entry(entry.Position, entry.Change.Id, entry.Change.EventType, entry.Change.EntityId, entry.Change.Metadata))];
        return Keep(new(org, entries[0].Position - 1, entries[^1].Position, entries, time));
    }

    /// <summary>Notes that entries of another process were read for this one's readers.</summary>
    /// <returns>What to tell when a reader gets them; null when the interval holds no more.</returns>
    public Part? NoteRead(Guid org, long after, long upTo) =>
        upTo > after && HasRoomFor((int)(upTo - after), 0) ? Keep(new(org, after, upTo, [], time)) : null;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval, time);
        // Stored a round later than noted, so that the reader's time is there too.
        List<Part> last = [];
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            List<Part> parts = [];
            while (_noted.Reader.TryRead(out var part))
            {
                parts.Add(part);
            }

            Volatile.Write(ref _room, MaxPerInterval);
            Volatile.Write(ref _bytesOfRoom, MaxBytesPerInterval);
            if (last.Count > 0)
            {
                try
                {
                    await Store(last, stoppingToken);
                }
                catch (NpgsqlException fault)
                {
                    // Worth less than the memory that keeping it would cost.
                    Dropped(last.Count, fault.Message);
                }
            }

            last = parts;
        }
    }

    private bool HasRoomFor(int count, long bytes) => Interlocked.Add(ref _room, -count) + count > 0 && Interlocked.Add(ref _bytesOfRoom, -bytes) >= 0;

    private Part? Keep(Part part) => _noted.Writer.TryWrite(part) ? part : null;

    private async Task Store(List<Part> parts, CancellationToken cancel)
    {
        await StoreAppended(parts, cancel);
        var read = parts.Where(part => part.Appended.Length == 0 && part.DeliveredAt is not null).ToArray();
        if (read.Length > 0)
        {
            await using var insert = relay.CreateCommand(ReadSql);
            Add(insert, read.Select(part => part.Org), NpgsqlDbType.Uuid);
            Add(insert, read.Select(part => part.After), NpgsqlDbType.Bigint);
            Add(insert, read.Select(part => part.UpTo), NpgsqlDbType.Bigint);
            Add(insert, read.Select(part => part.DeliveredAt), NpgsqlDbType.TimestampTz);
            await insert.ExecuteNonQueryAsync(cancel);
        }
    }

    private async Task StoreAppended(List<Part> parts, CancellationToken cancel)
    {
        var rows = parts.SelectMany(part => part.Appended.Select(entry => (Part: part, Entry: entry))).ToArray();
        if (rows.Length == 0)
        {
            return;
        }

        await using var insert = relay.CreateCommand(Sql);
        Add(insert, rows.Select(row => row.Part.Org), NpgsqlDbType.Uuid);
        Add(insert, rows.Select(row => row.Entry.Metadata), NpgsqlDbType.Jsonb);
        Add(insert, rows.Select(row => row.Entry.EventType), NpgsqlDbType.Text);
        Add(insert, rows.Select(row => row.Entry.Id), NpgsqlDbType.Uuid);
        Add(insert, rows.Select(row => row.Entry.EntityId), NpgsqlDbType.Text);
        Add(insert, rows.Select(row => row.Entry.Position), NpgsqlDbType.Bigint);
        Add(insert, rows.Select(row => row.Part.At), NpgsqlDbType.TimestampTz);
        Add(insert, rows.Select(row => row.Part.DeliveredAt), NpgsqlDbType.TimestampTz);
        await insert.ExecuteNonQueryAsync(cancel);
    }

    private static void Add<T>(NpgsqlCommand insert, IEnumerable<T> column, NpgsqlDbType type) =>
        insert.Parameters.Add(new() { Value = column.ToArray(), NpgsqlDbType = NpgsqlDbType.Array | type });

    [LoggerMessage(LogLevel.Warning, "The times of {Batches} batches are not kept: {Reason}")]
    private partial void Dropped(int batches, string reason);

    /// <summary>What is stored of an appended change: its row's contents are not, so that they are not held in memory for it.</summary>
    internal readonly record struct Entry(long Position, Guid Id, string EventType, string EntityId, string Metadata);

    /// <summary>Entries of one organisation, After &lt; position &lt;= UpTo, that go to the readers together.</summary>
    /// <param name="appended">The entries, when this process appended them.</param>
    internal sealed class Part(Guid org, long after, long upTo, Entry[] appended, TimeProvider time)
    {
        private long _deliveredTicks;

        public Guid Org => org;

        public long After => after;

        public long UpTo => upTo;

        public Entry[] Appended => appended;

        public DateTimeOffset At { get; } = time.GetUtcNow();

        public DateTimeOffset? DeliveredAt => Interlocked.Read(ref _deliveredTicks) is > 0 and var ticks ? new DateTimeOffset(ticks, TimeSpan.Zero) : null;

        /// <summary>A reader got them; only the first one counts.</summary>
        public void Delivered()
        {
            if (Interlocked.Read(ref _deliveredTicks) == 0)
            {
                Interlocked.CompareExchange(ref _deliveredTicks, time.GetUtcNow().UtcTicks, 0);
            }
        }
    }
}
