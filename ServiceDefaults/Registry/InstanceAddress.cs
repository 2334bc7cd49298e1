using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;

namespace OpsPlatform.ServiceDefaults.Registry;

/// <summary>Where an instance is reached: scheme, host and port, nothing else, and never a place that only a cloud's own machinery answers.</summary>
public static class InstanceAddress
{
    public const int MaxChars = 200;

    /// <summary>Metadata services outside the link-local range: AWS over IPv6, Alibaba Cloud.</summary>
    private static readonly IPAddress[] Metadata = [IPAddress.Parse("fd00:ec2::254"), IPAddress.Parse("100.100.100.200")];

    private static readonly string[] Wildcards = ["+", "*", "0.0.0.0", "[::]"];

    public static bool TryParse(string? text, [NotNullWhen(true)] out Uri? address, [NotNullWhen(false)] out string? reason)
    {
        address = null;
        reason = text is not { Length: > 0 and <= MaxChars } ? $"must have 1 to {MaxChars} characters"
            : !Uri.TryCreate(text, UriKind.Absolute, out var uri) || text.Any(letter => char.IsWhiteSpace(letter) || char.IsControl(letter)) ? "must be an absolute address, such as http://10.0.0.7:8080"
            : uri.Scheme is not ("http" or "https") ? "must be http or https"
            : uri.UserInfo.Length > 0 || text.Contains('@', StringComparison.Ordinal) ? "must hold no user and no password"
            : uri.PathAndQuery != "/" || uri.Fragment.Length > 0 || text.Contains('?', StringComparison.Ordinal) || text.Contains('#', StringComparison.Ordinal) ? "must hold no path, query or fragment"
            : uri.Port == 0 ? "must name a port"
            : IPAddress.TryParse(uri.Host, out var ip) && IsForbidden(ip) ? "must be an instance's own address: not a wildcard, multicast, link-local or metadata address"
            : null;
        if (reason is not null)
        {
            return false;
        }

        address = new Uri(new Uri(text!).GetLeftPart(UriPartial.Authority));
        return true;
    }

    /// <returns>True for what no instance can have as its own address; also asked of what a host name resolves to.</returns>
    public static bool IsForbidden(IPAddress address)
    {
        var ip = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        if (ip.AddressFamily is AddressFamily.InterNetworkV6)
        {
            return ip.IsIPv6LinkLocal || ip.IsIPv6Multicast || ip.Equals(IPAddress.IPv6Any) || Metadata.Contains(ip);
        }

        var bytes = ip.GetAddressBytes();
        return bytes is [0 or >= 224, ..] or [169, 254, ..] || Metadata.Contains(ip);
    }

    /// <summary>The first http address the server is bound to, else the first https one; a wildcard becomes this machine's host name.</summary>
    internal static Uri? Bound(IEnumerable<string> bindings)
    {
        var addresses = bindings.Select(BindingAddress.Parse).Where(binding => !binding.IsUnixPipe && !binding.IsNamedPipe)
            .OrderBy(binding => binding.Scheme.Equals("http", StringComparison.OrdinalIgnoreCase) ? 0 : 1);
        return addresses.Select(binding => new UriBuilder(
            binding.Scheme, Wildcards.Contains(binding.Host) ? Dns.GetHostName() : binding.Host, binding.Port).Uri).FirstOrDefault();
    }
}
