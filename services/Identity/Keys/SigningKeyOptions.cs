namespace OpsPlatform.Identity.Keys;

/// <summary>Section SigningKeys.</summary>
internal sealed class SigningKeyOptions
{
    public const string Section = "SigningKeys";

    /// <summary>How long a key signs before the next one does.</summary>
    public TimeSpan SignsFor { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How long a new key is published before it signs; verifiers read the set anew every 5 minutes.</summary>
    public TimeSpan PublishedAhead { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>How often replicas look for each other's keys; well below PublishedAhead.</summary>
    public TimeSpan ReadEvery { get; init; } = TimeSpan.FromMinutes(1);
}
