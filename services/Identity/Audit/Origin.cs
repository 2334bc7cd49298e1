using System.Net;

namespace OpsPlatform.Identity.Audit;

/// <summary>From which address and with what program somebody came.</summary>
internal sealed record Origin(string? Address, string? UserAgent)
{
    private const int MaxUserAgentChars = 256;
    private const string ForwardedFor = "X-Forwarded-For";

    public static Origin Unknown { get; } = new(null, null);

    /// <summary>
    /// Behind the gateway the address is what the gateway says: it drops what callers claim and writes its own. Only machines of
    /// the platform reach this service without it.
    /// </summary>
    public static Origin Of(HttpContext? http)
    {
        if (http is null)
        {
            return Unknown;
        }

        var forwarded = http.Request.Headers[ForwardedFor].ToString();
        var address = IPAddress.TryParse(forwarded.Split(',')[^1].Trim(), out var given) ? given : http.Connection.RemoteIpAddress;

        return new(TextOf(address), Shortened(http.Request.Headers.UserAgent.ToString()));
    }

    /// <summary>What the gateway tells of somebody it asks for.</summary>
    public static Origin Told(string? address, string? userAgent) =>
        new(IPAddress.TryParse(address, out var given) ? TextOf(given) : null, Shortened(userAgent));

    private static string? TextOf(IPAddress? address) => address is null
        ? null
        : new IPAddress((address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).GetAddressBytes()).ToString();

    private static string? Shortened(string? userAgent)
    {
        var text = new string([.. (userAgent ?? "").Where(character => !char.IsControl(character) && !char.IsSurrogate(character)).Take(MaxUserAgentChars)]);

        return text.Length == 0 ? null : text;
    }
}
