using System.Collections.Concurrent;
using System.Text.Json;
using OpsPlatform.Attack.Tests.Api;

namespace OpsPlatform.Attack.Tests.Fixtures;

/// <summary>Tells what of one world shows in an answer to somebody else.</summary>
public sealed class Leaks(string marker)
{
    private readonly ConcurrentDictionary<string, byte> _ids = [];

    /// <summary>Every uuid the world's people have been told is the world's.</summary>
    public void Learn(JsonElement answer)
    {
        foreach (var text in Texts(answer).Where(text => Guid.TryParse(text, out _)))
        {
            _ids.TryAdd(text, 0);
        }
    }

    public void Learn(Guid id) => _ids.TryAdd(id.ToString(), 0);

    /// <param name="sent">All the asker wrote: what they knew before is no leak.</param>
    public IReadOnlyList<string> In(Answer answer, string sent) => answer.ContentType?.EndsWith("json", StringComparison.Ordinal) == true && answer.Body.Length > 0
        ? [.. Texts(answer.Json).Where(text => (_ids.ContainsKey(text) || text.Contains(marker, StringComparison.OrdinalIgnoreCase)) && !sent.Contains(text, StringComparison.OrdinalIgnoreCase))]
        : answer.Text.Contains(marker, StringComparison.OrdinalIgnoreCase) ? [answer.Text] : [];

    private static IEnumerable<string> Texts(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.String => [json.GetString()!],
        JsonValueKind.Array => json.EnumerateArray().SelectMany(Texts),
        JsonValueKind.Object => json.EnumerateObject().SelectMany(member => Texts(member.Value).Append(member.Name)),
        _ => [],
    };
}
