namespace OpsPlatform.Contracts;

/// <summary>An organisation's data moves between normal, late or wrong: its sync health has another level, for long enough to be no flicker.</summary>
/// <param name="From">normal, warning or critical.</param>
/// <param name="Reasons">The metrics that led here, each with its value and limit, for a person to read.</param>
public sealed record SyncHealthChanged(string From, string To, IReadOnlyList<string> Reasons, DateTimeOffset ChangedAt);
