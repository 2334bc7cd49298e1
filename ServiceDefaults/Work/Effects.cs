using System.Text.Json;
using OpsPlatform.Contracts;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>What a piece of work has done that stays: said by its worker, stored with its checkpoint, told after that.</summary>
internal sealed class Effects(string? stored)
{
    private const int Most = 20;

    private IReadOnlyList<OperationEffect>? _said = Read(stored);

    public IReadOnlyList<OperationEffect>? Told { get; private set; } = Read(stored);

    /// <summary>For the table; null when nothing was said.</summary>
    public string? Said => _said is null ? null : JsonSerializer.Serialize(_said, OperationJson.Options);

    public static IReadOnlyList<OperationEffect>? Read(string? json) =>
        json is null ? null : JsonSerializer.Deserialize<IReadOnlyList<OperationEffect>>(json, OperationJson.Options);

    /// <exception cref="InvalidOperationException">The work says more kinds of effects than people would read.</exception>
    public void Say(OperationEffect effect)
    {
        var others = (_said ?? []).Where(other => other.What != effect.What);
        OperationEffect[] said = effect.Count == 0 ? [.. others] : [.. others, effect];
        _said = said.Length <= Most ? said : throw new InvalidOperationException($"An operation has at most {Most} kinds of effects.");
    }

    public void Tell() => Told = _said;
}
