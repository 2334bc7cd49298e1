using System.Globalization;

namespace OpsPlatform.Orders.Orders;

/// <summary>The `wait` preference of RFC 7240, in seconds.</summary>
internal static class PreferWait
{
    private const int MaxSeconds = 30;

    /// <returns>How long the caller will wait, at most 30 s; null when it did not ask. The answer then says what was applied.</returns>
    public static TimeSpan? Take(HttpContext http)
    {
        foreach (var preference in http.Request.Headers["Prefer"].SelectMany(header => (header ?? "").Split(',')))
        {
            var parts = preference.Split(';')[0].Split('=', 2, StringSplitOptions.TrimEntries);
            if (parts is ["wait", var value]
                && int.TryParse(value.Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
            {
                var applied = Math.Min(seconds, MaxSeconds);
                http.Response.Headers["Preference-Applied"] = $"wait={applied}";
                return TimeSpan.FromSeconds(applied);
            }
        }

        return null;
    }
}
