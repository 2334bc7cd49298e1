using Microsoft.Extensions.Configuration;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>How captured changes and messages are sent and tried again.</summary>
/// <param name="BatchSize">SYNC_BATCH_SIZE: captured changes a query.</param>
/// <param name="Attempts">SYNC_RETRY_ATTEMPTS: tries before a poison row or message is set aside.</param>
/// <param name="Backoff">SYNC_RETRY_BACKOFF_MS: before a row's second try; doubled for each further one.</param>
/// <param name="Auto">SYNC_AUTO: off keeps captured changes until POST /{service}/changes/send asks for them.</param>
/// <param name="Interval">SYNC_INTERVAL_MS: within so long is found what nobody told an idle relay of.</param>
public sealed record RelaySettings(int BatchSize, int Attempts, TimeSpan Backoff, bool Auto, TimeSpan Interval)
{
    /// <exception cref="InvalidOperationException">A setting is out of range; the message names the environment variable.</exception>
    public static RelaySettings Read(IConfiguration configuration) => new(
        configuration.Number("SYNC_BATCH_SIZE", 500, 1, 5000),
        configuration.Number("SYNC_RETRY_ATTEMPTS", 3, 1, 20),
        TimeSpan.FromMilliseconds(configuration.Number("SYNC_RETRY_BACKOFF_MS", 1000, 1, 60_000)),
        configuration.OnOff("SYNC_AUTO", true),
        TimeSpan.FromMilliseconds(configuration.Number("SYNC_INTERVAL_MS", 750, 1, 60_000)));
}
