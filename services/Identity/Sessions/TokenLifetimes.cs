namespace OpsPlatform.Identity.Sessions;

/// <summary>Section TokenLifetimes.</summary>
internal sealed class TokenLifetimes
{
    public const string Section = "TokenLifetimes";

    /// <summary>How long a removed member or an old role may still be acted with.</summary>
    public TimeSpan AccessToken { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a client may stay away without having to log in again.</summary>
    public TimeSpan RefreshToken { get; init; } = TimeSpan.FromDays(30);
}
