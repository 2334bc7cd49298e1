using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace OpsPlatform.ServiceDefaults.Idempotency;

/// <summary>One key of one caller on one route, and what tells its request from another one.</summary>
internal sealed class RequestKey
{
    public RequestKey(Guid org, string caller, string route, string key, byte[] fingerprint)
    {
        Org = org;
        Fingerprint = fingerprint;
        // None of the parts holds a line end, so no two sets of parts make the same text.
        Hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{org}\n{caller}\n{route}\n{key}"));
        Lock = BinaryPrimitives.ReadInt64LittleEndian(Hash);
    }

    public Guid Org { get; }

    public byte[] Hash { get; }

    /// <summary>The advisory lock of who works under the key.</summary>
    public long Lock { get; }

    /// <summary>Of path, query and the body's bytes.</summary>
    public byte[] Fingerprint { get; }
}
