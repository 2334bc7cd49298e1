using Microsoft.Extensions.Configuration;

namespace OpsPlatform.ServiceDefaults;

/// <summary>Reads configuration that must be there, and says what to set when it is not.</summary>
public static class Settings
{
    /// <exception cref="InvalidOperationException">The value is missing; the message names the environment variable.</exception>
    public static string Required(this IConfiguration configuration, string key, string meaning) =>
        configuration[key] is { Length: > 0 } value
            ? value
            : throw new InvalidOperationException(
                $"Set {key.Replace(":", "__", StringComparison.Ordinal)}: {meaning}.");

    /// <exception cref="InvalidOperationException">The value is no number or out of range; the message names the environment variable.</exception>
    public static int Number(this IConfiguration configuration, string key, int fallback, int min, int max)
    {
        var text = configuration[key];
        if (string.IsNullOrEmpty(text))
        {
            return fallback;
        }

        return int.TryParse(text, out var value) && value >= min && value <= max
            ? value
            : throw new InvalidOperationException(
                $"Set {key.Replace(":", "__", StringComparison.Ordinal)} to a whole number from {min} to {max}; it is '{text}'.");
    }

    /// <exception cref="InvalidOperationException">The value is neither on nor off; the message names the environment variable.</exception>
    public static bool OnOff(this IConfiguration configuration, string key, bool fallback) => configuration[key]?.ToLowerInvariant() switch
    {
        null or "" => fallback,
        "on" or "true" or "1" => true,
        "off" or "false" or "0" => false,
        var text => throw new InvalidOperationException($"Set {key.Replace(":", "__", StringComparison.Ordinal)} to on or off; it is '{text}'."),
    };
}
