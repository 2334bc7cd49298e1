using System.Net;
using System.Net.Sockets;

namespace OpsPlatform.OperationTracking.Alerts.Webhooks;

/// <param name="AllowInsecure">Also http and addresses that are not public: for development and tests.</param>
internal sealed record WebhookSettings(bool AllowInsecure);

/// <summary>Where webhooks may go: whoever may add one must not reach with it what only this machine reaches.</summary>
internal static class WebhookTarget
{
    /// <summary>Not for the public, by the special-purpose registries of IANA (RFC 6890).</summary>
    private static readonly IPNetwork[] Special =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
            "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
            // Others' within the global ones, and those that hold an IPv4 address of whoever made them.
            "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
        }.Select(text => IPNetwork.Parse(text)),
    ];

    private static readonly IPNetwork GlobalV6 = IPNetwork.Parse("2000::/3");

    /// <returns>Why not, or null.</returns>
    public static string? Refusal(string text, WebhookSettings settings) =>
        !Uri.TryCreate(text, UriKind.Absolute, out var url) ? "It is no absolute URL."
        : url.Scheme != Uri.UriSchemeHttps && !(settings.AllowInsecure && url.Scheme == Uri.UriSchemeHttp) ? "Only https is taken."
        : url.UserInfo.Length > 0 ? "It must not hold a user or a password: the signature proves who sends."
        : url.Fragment.Length > 0 ? "It must not have a fragment: that is not sent."
        : !settings.AllowInsecure && IPAddress.TryParse(url.IdnHost, out var address) && !IsPublic(address) ? "Its address is not public."
        : null;

    public static bool IsPublic(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return (plain.AddressFamily == AddressFamily.InterNetwork || GlobalV6.Contains(plain)) && !Special.Any(network => network.Contains(plain));
    }
}
