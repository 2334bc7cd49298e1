namespace Aspire.Hosting;

internal static class ResourceNames
{
    private const int MaxLength = 64;

    /// <summary>Refuses what Aspire refuses: anything but ASCII letters, digits and single hyphens inside, starting with a letter, at most 64 characters.</summary>
    public static void Validate(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        var broken = name switch
        {
            { Length: > MaxLength } => $"must be at most {MaxLength} characters long",
            _ when !char.IsAsciiLetter(name[0]) => "must start with an ASCII letter",
            _ when name.Any(letter => !char.IsAsciiLetterOrDigit(letter) && letter != '-') => "must contain only ASCII letters, digits and hyphens",
            _ when name.Contains("--", StringComparison.Ordinal) => "must not contain consecutive hyphens",
            _ when name[^1] == '-' => "must not end with a hyphen",
            _ => null,
        };
        if (broken is not null)
        {
            throw new ArgumentException($"Resource name '{name}' is invalid: it {broken}.", nameof(name));
        }
    }
}
