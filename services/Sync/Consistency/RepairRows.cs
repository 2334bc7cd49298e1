namespace OpsPlatform.Sync.Consistency;

/// <summary>Repairs one table's wrong rows from the service that owns them, and looks whether they agree then.</summary>
internal sealed class RepairRows(Sources sources, CompareRows rows, ProveMismatches proofs, ComparisonTable store, TimeProvider time)
{
    /// <summary>One call repairs at most so many rows; the next call goes on.</summary>
    public const int MaxRows = 1_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(50);

    /// <param name="limit">At most so many rows; 0 repairs nothing and only compares.</param>
    /// <returns>What was wrong and agrees now, and what is wrong still.</returns>
    public async Task<(IReadOnlyList<Mismatch> Repaired, IReadOnlyList<Mismatch> Remaining)> Run(
        TableKey table, string tableName, IReadOnlyList<string>? ids, int limit, string? actor, CancellationToken cancel)
    {
        var found = ids is null
            ? (await rows.Compare(table, tableName, null, cancel)).Mismatches
            : (await proofs.Prove(table, [.. ids.Distinct()], cancel)).Mismatches;
        // A newer version than the table's own cannot be made older: readers would ignore it, rightly.
        var repairable = found.Where(mismatch => mismatch.Kind != MismatchKind.Ahead).Take(limit).ToArray();
        if (repairable.Length == 0)
        {
            return ([], found);
        }

        await sources.Emit(table, repairable.Select(mismatch => (mismatch.Id, mismatch.FeedVersion)), actor, cancel);
        var wrong = await Settle(table, [.. repairable.Select(mismatch => mismatch.Id)], cancel);
        // The score must not wait for the next check.
        await store.Save([await rows.Compare(table, tableName, null, cancel)], cancel);
        return (
            [.. repairable.Where(mismatch => !wrong.Contains(mismatch.Id))],
            [.. found.Where(mismatch => wrong.Contains(mismatch.Id) || !repairable.Contains(mismatch))]);
    }

    /// <returns>The ids that do not agree within the time.</returns>
    private async Task<HashSet<string>> Settle(TableKey table, string[] ids, CancellationToken cancel)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            var proof = await proofs.Prove(table, ids, cancel);
            if (proof is { InFlight: 0, Mismatches.Count: 0 })
            {
                return [];
            }

            if (time.GetElapsedTime(started) > Patience)
            {
                // In flight still is not repaired yet, and is told as such.
                return proof.InFlight > 0 ? [.. ids] : [.. proof.Mismatches.Select(mismatch => mismatch.Id)];
            }

            await Task.Delay(LookInterval, time, cancel);
        }
    }
}
