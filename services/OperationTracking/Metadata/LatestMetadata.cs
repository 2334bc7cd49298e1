// Members of an operation's metadata by name; never changed once made.
global using Patch = System.Collections.Generic.Dictionary<string, System.Text.Json.JsonElement>;
using System.Text.Json;
using OpsPlatform.ServiceDefaults;

namespace OpsPlatform.OperationTracking.Metadata;

/// <summary>
/// What was said of operations' metadata in this process and is not written yet. Callers' reports read the database before, so that no more is held than it
/// serves in a second.
/// </summary>
internal sealed class LatestMetadata(TimeProvider time) : Signal
{
    private static readonly TimeSpan WriteInterval = TimeSpan.FromSeconds(1);
    private static readonly Patch Nothing = [];

    private readonly Lock _gate = new();
    private readonly Dictionary<(Guid Org, Guid Id), Held> _held = [];

    /// <summary>How many were taken.</summary>
    private long _taken;

    /// <summary>Of operations of which nothing is held any more, none was taken after so many.</summary>
    private long _lastLetGo;

    private sealed class Held
    {
        /// <summary>The number of its last among all that were taken.</summary>
        public long Last { get; set; }

        /// <summary>Null when all is written or being written.</summary>
        public Patch? Unwritten { get; set; }

        /// <summary>Taken to be written, and perhaps not there for who reads the table.</summary>
        public Patch? Writing { get; set; }

        /// <summary>When it was last taken to be written.</summary>
        public long? TakenAt { get; set; }

        public Patch All => Merge(Writing ?? Nothing, Unwritten ?? Nothing);
    }

    /// <returns>What may not be in the table yet, with the patch over it, and how many were taken by then.</returns>
    public (Patch Patch, long Taken) With(Guid org, Guid id, Patch patch)
    {
        lock (_gate)
        {
            return (Merge(_held.GetValueOrDefault((org, id))?.All ?? Nothing, patch), _taken);
        }
    }

    /// <param name="taken">So many were when it was checked.</param>
    /// <returns>False when another of the operation was taken since: together they may be too large.</returns>
    public bool TryTake(Guid org, Guid id, Patch patch, long taken)
    {
        lock (_gate)
        {
            var known = _held.GetValueOrDefault((org, id));
            if ((known?.Last ?? _lastLetGo) > taken)
            {
                return false;
            }

            var held = known ?? (_held[(org, id)] = new());
            (held.Unwritten, held.Last) = (Merge(held.Unwritten ?? Nothing, patch), ++_taken);
            if (_held.Count == 1)
            {
                Wake();
            }

            return true;
        }
    }

    /// <summary>Completes as soon as anything is held.</summary>
    public Task AnyHeld()
    {
        var taken = Next;
        lock (_gate)
        {
            return _held.Count == 0 ? taken : Task.CompletedTask;
        }
    }

    /// <summary>What is stored, as it will be once that is written too; where it has been, it changes nothing.</summary>
    public static Patch Merged(Patch stored, Patch unwritten) => Merge(stored, unwritten).Where(x => x.Value.ValueKind != JsonValueKind.Null).ToDictionary();

    /// <summary>Those to be written now, each at most once a second; each is the taker's until it says Written or PutBack.</summary>
    /// <param name="all">Also those whose second is not over.</param>
    public IReadOnlyList<(Guid Org, Guid Id, Patch Patch)> TakeDue(bool all)
    {
        lock (_gate)
        {
            List<(Guid, Guid, Patch)> due = [];
            foreach (var (key, held) in _held.ToArray())
            {
                if (!all && held.TakenAt is { } taken && time.GetElapsedTime(taken) < WriteInterval)
                {
                    continue;
                }

                if (held.All is { Count: > 0 } patch)
                {
                    due.Add((key.Org, key.Id, patch));
                    (held.Writing, held.Unwritten, held.TakenAt) = (patch, null, time.GetTimestamp());
                }
                else
                {
                    _held.Remove(key);
                    _lastLetGo = Math.Max(_lastLetGo, held.Last);
                }
            }

            return due;
        }
    }

    /// <summary>It is in the table, or was refused.</summary>
    public void Written(Guid org, Guid id)
    {
        lock (_gate)
        {
            _held[(org, id)].Writing = null;
        }
    }

    /// <summary>It could not be written; what came since goes over it.</summary>
    public void PutBack(Guid org, Guid id)
    {
        lock (_gate)
        {
            var held = _held[(org, id)];
            (held.Unwritten, held.Writing) = (held.All, null);
        }
    }

    private static Patch Merge(Patch first, Patch second)
    {
        var merged = new Patch(first);
        foreach (var (key, value) in second)
        {
            merged[key] = value;
        }

        return merged;
    }
}
