using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpsPlatform.OperationTracking.Checkpoints;
using OpsPlatform.Testing;

namespace OpsPlatform.OperationTracking.Tests.Audit;

/// <summary>A service that signs checkpoints, with a clock that tests put forward.</summary>
public class AuditFixture : OperationsFixture
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly ECDsa _former = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public ShiftedTime Time { get; } = new();

    internal SignedLog Log { get; } = new();

    /// <summary>PKCS #8 in base64, as the setting has it.</summary>
    public string SigningKey => Private(_key);

    /// <summary>Of the key that signed before.</summary>
    public string FormerKey => Private(_former);

    protected override IEnumerable<(string Key, string Value)> Settings =>
    [
        ("Audit:SigningKey", SigningKey),
        ("Audit:FormerKeys", Convert.ToBase64String(_former.ExportSubjectPublicKeyInfo())),
    ];

    protected override void Configure(IServiceCollection services)
    {
        services.AddSingleton<TimeProvider>(Time);
        services.AddSingleton<ILoggerProvider>(Log);
        services.AddLogging(logging => logging.AddFilter(typeof(SignCheckpoints).FullName, LogLevel.Information));
    }

    /// <summary>Ten minutes pass, and what has to be signed then is.</summary>
    public Task Sign()
    {
        Time.Forward(TimeSpan.FromMinutes(10));
        return SignWhatIsDue();
    }

    public Task SignWhatIsDue() => Services.GetRequiredService<SignCheckpoints>().Run(CancellationToken.None);

    public static string NewKey()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return Private(key);
    }

    private static string Private(ECDsa key) => Convert.ToBase64String(key.ExportPkcs8PrivateKey());
}
