using System.Diagnostics;
using OpsPlatform.ServiceDefaults.Consistency;

namespace OpsPlatform.Sync.Consistency;

internal enum MismatchKind
{
    /// <summary>The feed never heard of the row.</summary>
    Missing,

    /// <summary>The feed has an older version.</summary>
    Stale,

    /// <summary>The feed has a row that is gone.</summary>
    Extra,

    /// <summary>The feed has a newer version than the table, as after the table was set back to a backup.</summary>
    Ahead,
}

internal sealed record Mismatch(string Id, MismatchKind Kind, long? SourceVersion, long? FeedVersion);

/// <param name="InFlight">Rows that differ and may yet agree: a change of them waits at the service, or a queue did not drain in time.</param>
/// <param name="Waited">For queues to drain.</param>
internal sealed record Proof(IReadOnlyList<Mismatch> Mismatches, int InFlight, TimeSpan Waited);

/// <summary>
/// Tells rows that are wrong from rows whose change is under way. The service tells the rows and which of them have an unsent change,
/// at one moment. Whatever it had sent by then is out of the queues once a marker sent afterwards is; so a row without an unsent change
/// that the feed still has in an older version, after that, lost its change. The other way round, a feed ahead of the table, is
/// looked at again: the table may have gone on meanwhile.
/// </summary>
internal sealed class ProveMismatches(Sources sources, FeedRows feed, ApplyFeed apply, Markers markers)
{
    public const int MaxRows = 5_000;

    public async Task<Proof> Prove(TableKey table, IReadOnlyCollection<string> ids, CancellationToken cancel)
    {
        var (suspects, inFlight) = await Compare(table, ids, cancel);
        if (suspects.Count == 0)
        {
            return new([], inFlight, TimeSpan.Zero);
        }

        // The rows were read anew above: what was sent before is what the marker must follow.
        var started = Stopwatch.GetTimestamp();
        var passed = await markers.Pass(cancel);
        var waited = Stopwatch.GetElapsedTime(started);
        if (!passed)
        {
            return new([], inFlight + suspects.Count, waited);
        }

        await apply.ToHead(table.Org, cancel);
        var rows = await feed.Rows(table, [.. suspects.Select(row => row.Id)], cancel);
        var wrong = suspects.Select(row => Judge(row, Find(rows, row.Id))).OfType<Mismatch>().ToList();
        var ahead = wrong.Where(mismatch => mismatch.Kind is MismatchKind.Extra or MismatchKind.Ahead).Select(mismatch => mismatch.Id).ToArray();
        if (ahead.Length == 0)
        {
            return new(wrong, inFlight, waited);
        }

        var again = await sources.Rows(table, ahead, cancel);
        var stillAhead = Complete(again, ahead).Where(row => !row.Pending).Select(row => Judge(row, Find(rows, row.Id))).OfType<Mismatch>()
            .Where(mismatch => mismatch.Kind is MismatchKind.Extra or MismatchKind.Ahead).ToList();
        return new(
            [.. wrong.Where(mismatch => mismatch.Kind is MismatchKind.Missing or MismatchKind.Stale), .. stillAhead],
            inFlight + again.Count(row => row.Pending),
            waited);
    }

    private async Task<(List<SourceRow> Suspects, int InFlight)> Compare(TableKey table, IReadOnlyCollection<string> ids, CancellationToken cancel)
    {
        var source = Complete(await sources.Rows(table, ids, cancel), ids).ToList();
        await apply.ToHead(table.Org, cancel);
        var rows = await feed.Rows(table, ids, cancel);
        return (
            [.. source.Where(row => !row.Pending && Judge(row, Find(rows, row.Id)) is not null)],
            source.Count(row => row.Pending && Judge(row, Find(rows, row.Id)) is not null));
    }

    /// <summary>What was asked for and not told is not there.</summary>
    private static IEnumerable<SourceRow> Complete(IReadOnlyList<SourceRow> told, IReadOnlyCollection<string> asked)
    {
        var known = told.ToDictionary(row => row.Id);
        return asked.Select(id => known.GetValueOrDefault(id) ?? new(id, null, false));
    }

    private static FeedRow? Find(Dictionary<string, FeedRow> rows, string id) => rows.TryGetValue(id, out var row) ? row : null;

    internal static Mismatch? Judge(SourceRow source, FeedRow? feed) => (source.RowVersion, feed) switch
    {
        (null, null or { Deleted: true }) => null,
        (null, { } row) => new(source.Id, MismatchKind.Extra, null, row.RowVersion),
        ({ } version, null) => new(source.Id, MismatchKind.Missing, version, null),
        ({ } version, { } row) when row.RowVersion == version && !row.Deleted => null,
        ({ } version, { } row) when row.RowVersion > version => new(source.Id, MismatchKind.Ahead, version, row.RowVersion),
        ({ } version, { } row) => new(source.Id, MismatchKind.Stale, version, row.RowVersion),
    };
}
