using System.Text.Json;

namespace OpsPlatform.OperationTracking.Approvals;

/// <summary>A value that differs between two plans' effects.</summary>
/// <param name="Path">A JSON pointer (RFC 6901), such as /lines/0/price.</param>
/// <param name="Before">Null when there was none.</param>
/// <param name="After">Null when there is none any more.</param>
internal sealed record EffectChange(string Path, JsonElement? Before, JsonElement? After);

/// <summary>What a changed plan does otherwise: objects by name, lists by place.</summary>
internal static class EffectChanges
{
    /// <summary>Nobody reads more; whoever has to, compares the effects as a whole.</summary>
    private const int Most = 200;

    public static IReadOnlyList<EffectChange> Between(string before, string after)
    {
        List<EffectChange> changes = [];
        Compare("", JsonElement.Parse(before), JsonElement.Parse(after), changes);
        return changes;
    }

    private static void Compare(string path, JsonElement? before, JsonElement? after, List<EffectChange> changes)
    {
        if (changes.Count == Most || (before is { } one && after is { } other && JsonElement.DeepEquals(one, other)))
        {
            return;
        }

        if (Members(before) is { } old && Members(after) is { } now && before!.Value.ValueKind == after!.Value.ValueKind)
        {
            foreach (var name in old.Keys.Union(now.Keys))
            {
                Compare($"{path}/{name.Replace("~", "~0").Replace("/", "~1")}", Find(old, name), Find(now, name), changes);
            }
        }
        else
        {
            changes.Add(new(path, before, after));
        }
    }

    private static JsonElement? Find(Dictionary<string, JsonElement> members, string name) => members.TryGetValue(name, out var value) ? value : null;

    private static Dictionary<string, JsonElement>? Members(JsonElement? json) => json?.ValueKind switch
    {
        JsonValueKind.Object => json.Value.EnumerateObject().ToDictionary(member => member.Name, member => member.Value),
        JsonValueKind.Array => json.Value.EnumerateArray().Select((value, index) => (value, index)).ToDictionary(x => $"{x.index}", x => x.value),
        _ => null,
    };
}
