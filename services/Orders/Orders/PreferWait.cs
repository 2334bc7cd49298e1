using System.Globalization;

namespace OpsPlatform.Orders.Orders;

/// <summary>The `wait` preference of RFC 7240, in seconds.</summary>
internal static class PreferWait
{
    private const int MaxSeconds = 30;

    /// <returns>How long the caller will wait, at most 30 s; null when it did not ask.</returns>
    /// <exception cref="BadHttpRequestException">It asked for no whole number of seconds; answered as 400. Call before anything is changed.</exception>
    public static TimeSpan? Of(HttpContext http)
    {
        foreach (var preference in http.Request.Headers["Prefer"].SelectMany(header => (header ?? "").Split(',')))
        {
            var parts = preference.Split(';')[0].Split('=', 2, StringSplitOptions.TrimEntries);
            if (parts[0].Equals("wait", StringComparison.OrdinalIgnoreCase))
            {
                return parts is [_, var value] && uint.TryParse(value.Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
                    ? TimeSpan.FromSeconds(Math.Min(seconds, MaxSeconds))
                    : throw new BadHttpRequestException($"Prefer: wait takes whole seconds, such as wait=5; at most {MaxSeconds} are waited.");
            }
        }

        return null;
    }

    /// <summary>The answer says what was applied.</summary>
    public static void Applied(HttpContext http, TimeSpan wait) => http.Response.Headers["Preference-Applied"] = $"wait={wait.TotalSeconds}";
}
