using System.Security.Cryptography;
using System.Text;

namespace OpsPlatform.OperationTracking.Timeline;

/// <summary>
/// An entry's hash: SHA-256 over the hash before it and the entry's canonical form, which the service's README tells. Computed here from
/// the columns, apart from the database that wrote it.
/// </summary>
internal static class Chain
{
    public static readonly byte[] Beginning = new byte[SHA256.HashSizeInBytes];

    /// <param name="position">Where the entry is taken to stand.</param>
    public static byte[] Hash(byte[] before, TimelineEntry entry, long position) => SHA256.HashData(
    [
        .. before,
        .. Encoding.UTF8.GetBytes(string.Concat(((string?[])
        [
            entry.OrgId.ToString(),
            position.ToString(),
            entry.OperationId.ToString(),
            ((entry.At - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond).ToString(),
            entry.Event,
            entry.Actor,
            entry.Reason,
            entry.CorrelationId?.ToString(),
            entry.Details,
        ]).Select(Value))),
    ]);

    private static string Value(string? value) => value is null ? "-," : $"{Encoding.UTF8.GetByteCount(value)}:{value},";
}
