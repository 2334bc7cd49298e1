using System.Text;
using System.Text.Json;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>What an attempt has said of its operation beside progress. It is told as a whole, so that what is told later makes up for what was lost.</summary>
internal sealed class Description
{
    private const int MaxBytes = 256 * 1024;

    /// <summary>By name, each with its name, as JSON; what was taken away as null.</summary>
    private Dictionary<string, string> _members = [];

    private bool _isNews;

    /// <summary>Null when nothing was said.</summary>
    public string? All => _members.Count == 0 ? null : $"{{{string.Join(',', _members.Values)}}}";

    /// <exception cref="ArgumentException">It is no object, or too much.</exception>
    public void Say(object metadata)
    {
        var said = JsonSerializer.SerializeToElement(metadata, OperationJson.Options);
        if (said.ValueKind != JsonValueKind.Object)
        {
            throw new ArgumentException($"Metadata is a JSON object, and not {said.ValueKind}.", nameof(metadata));
        }

        var members = new Dictionary<string, string>(_members);
        foreach (var member in said.EnumerateObject())
        {
            members[member.Name] = $"{JsonSerializer.Serialize(member.Name)}:{member.Value.GetRawText()}";
        }

        var bytes = members.Values.Sum(Bytes);
        if (bytes > MaxBytes)
        {
            throw new ArgumentException($"The metadata of an operation is at most {MaxBytes} bytes; with this it would have {bytes}.", nameof(metadata));
        }

        (_members, _isNews) = (members, true);
    }

    /// <returns>All, when something was said since it was taken last.</returns>
    public string? TakeNews()
    {
        var news = _isNews ? All : null;
        _isNews = false;
        return news;
    }

    public void NotSent() => _isNews = _members.Count > 0;

    /// <summary>With the comma behind it, and at least as many as PostgreSQL writes of it: a blank behind each comma and colon.</summary>
    private static int Bytes(string member) => Encoding.UTF8.GetByteCount(member) + member.Count(letter => letter is ',' or ':') + 2;
}
