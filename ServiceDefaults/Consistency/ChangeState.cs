namespace OpsPlatform.ServiceDefaults.Consistency;

/// <summary>How a service's captured changes stand at one moment, without looking at its tables' rows.</summary>
/// <param name="Auto">False while changes are kept until somebody asks for them (SYNC_AUTO=off).</param>
/// <param name="BacklogsAreCapped">True when more changes wait than were looked at; the counts are then lower bounds.</param>
public sealed record ChangeState(
    string Service, DateTimeOffset At, bool Auto, int BatchSize, int RetryAttempts,
    IReadOnlyList<TrackedTable> Tables, IReadOnlyList<Backlog> Backlogs, bool BacklogsAreCapped);

/// <param name="Writes">The server's own count of rows inserted, updated and deleted. Another number than before says that something changed; the same, that nothing did.</param>
public sealed record TrackedTable(string EntityType, string Table, long Writes);

/// <summary>An organisation's changes that wait to be sent, or were set aside after all attempts.</summary>
/// <param name="OldestWaitsMs">By the service's own clock; 0 when none waits.</param>
public sealed record Backlog(Guid OrganisationId, long Pending, long OldestWaitsMs, long Failed);

/// <summary>A set of rows in three numbers; two sets with the same three hold the same ids in the same versions.</summary>
/// <param name="Key">The organisation, or the number of the bucket within one.</param>
/// <param name="Versions">The sum of the row versions.</param>
/// <param name="Hash">The sum of a 64-bit hash over id and version of each row, so that their order does not matter.</param>
public sealed record RowDigest(string Key, long Rows, decimal Versions, decimal Hash);

/// <summary>A row as a service's table has it.</summary>
/// <param name="RowVersion">Null when there is no such row.</param>
/// <param name="Pending">A captured change of it waits to be sent.</param>
public sealed record SourceRow(string Id, long? RowVersion, bool Pending);

/// <summary>Rows of one organisation and entity type, all seen at one moment.</summary>
public sealed record SourceRows(IReadOnlyList<SourceRow> Items);

/// <summary>A captured change that was not sent, without its row.</summary>
/// <param name="Status">pending or failed.</param>
public sealed record UnsentChange(
    Guid Id, string EventType, string Category, string Priority, string EntityType, string EntityId, long RowVersion, string Operation, string Status,
    int Attempts, string? Error, DateTimeOffset CapturedAt);

public sealed record UnsentChanges(IReadOnlyList<UnsentChange> Items);

public sealed record RowDigests(IReadOnlyList<RowDigest> Items, string? NextCursor);

/// <summary>A change that was captured once more.</summary>
/// <param name="Operation">update, or delete for a row that is gone.</param>
public sealed record EmittedChange(string Id, string Operation, long RowVersion);

public sealed record EmittedChanges(IReadOnlyList<EmittedChange> Items);

/// <summary>How ids are spread over buckets and hashed; the same on both sides.</summary>
public static class DigestSql
{
    public const int MaxBuckets = 4096;

    /// <summary>The three numbers of a digest, over columns or expressions for the id as text and the version.</summary>
    public static string Numbers(string id, string version) =>
        $"count(*), sum({version})::numeric, sum(hashtextextended({id} || ':' || {version}, 0))::numeric";

    /// <param name="buckets">A power of two.</param>
    public static string Bucket(string id, string buckets) => $"(hashtextextended({id}, 1) & ({buckets} - 1))";
}
