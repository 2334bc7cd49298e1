namespace OpsPlatform.Identity.Users;

internal static class Passwords
{
    public const int MinChars = 10;

    /// <summary>Hashing is made slow on purpose, so its input is bounded.</summary>
    public const int MaxChars = 256;
}
