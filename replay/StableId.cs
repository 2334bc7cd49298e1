using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace OpsPlatform.Replay;

/// <summary>
/// Ids that are the same in every run: UUID version 5 (RFC 9562, section 5.5) of a name within the organisation.
/// Two organisations never share one.
/// </summary>
internal static class StableId
{
    public static Guid Ingredient(Guid organisationId, string code) => Of(organisationId, $"ingredient/{code}");

    public static Guid Recipe(Guid organisationId, string code) => Of(organisationId, $"recipe/{code}");

    public static Guid MenuItem(Guid organisationId, string code) => Of(organisationId, $"menu/{code}");

    public static Guid Order(Guid organisationId, long ticket) =>
        Of(organisationId, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"ticket/{ticket}"));

    public static Guid Of(Guid scope, string name)
    {
        var text = Encoding.UTF8.GetBytes(name);
        var input = new byte[16 + text.Length];
        scope.TryWriteBytes(input, bigEndian: true, out _);
        text.CopyTo(input, 16);

#pragma warning disable CA5350 // Version 5 is defined on SHA-1; nothing secret hangs on it.
        var id = SHA1.HashData(input).AsSpan(0, 16);
#pragma warning restore CA5350

        var version = BinaryPrimitives.ReadUInt16BigEndian(id[6..]);
        BinaryPrimitives.WriteUInt16BigEndian(id[6..], (ushort)((version & 0x0FFF) | 0x5000));
        id[8] = (byte)((id[8] & 0x3F) | 0x80);

        return new Guid(id, bigEndian: true);
    }
}
