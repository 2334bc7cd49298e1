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

    private sealed class Held
    {
        /// <summary>Null when all is written or being written.</summary>
        public Patch? Unwritten { get; set; }

        /// <summary>Taken to be written, and perhaps not there for who reads the table.</summary>
        public Patch? Writing { get; set; }

        /// <summary>When it was last taken to be written.</summary>
        public long? TakenAt { get; set; }

        public Patch All => Merge(Writing ?? Nothing, Unwritten ?? Nothing);
    }

    /// <returns>What may not be in the table yet, with the patch over it.</returns>
    public Patch With(Guid org, Guid id, Patch patch)
    {
        lock (_gate)
        {
            return Merge(_held.GetValueOrDefault((org, id))?.All ?? Nothing, patch);
        }
    }

    public void Take(Guid org, Guid id, Patch patch)
    {
        lock (_gate)
        {
            var held = _held.TryGetValue((org, id), out var known) ? known : _held[(org, id)] = new();
            held.Unwritten = Merge(held.Unwritten ?? Nothing, patch);
            if (_held.Count == 1)
            {
                Wake();
            }
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
