using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using OpsPlatform.Identity.Sessions;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Identity.Keys;

/// <summary>Keeps the keys, and sweeps refresh tokens that expired; waits for a database that is away.</summary>
internal sealed partial class KeyWorker(
    ServiceDatabase database, IServiceScopeFactory scopes, IOptions<SigningKeyOptions> options, TimeProvider time, ILogger<KeyWorker> log)
    : BackgroundService
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);

        while (true)
        {
            var delay = await TryRun(stoppingToken) ? options.Value.ReadEvery : RetryDelay;

            await Task.Delay(delay, time, stoppingToken);
        }
    }

    private async Task<bool> TryRun(CancellationToken cancel)
    {
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            await scope.ServiceProvider.GetRequiredService<KeyRotation>().Run(cancel);

            var now = time.GetUtcNow();
            await scope.ServiceProvider.GetRequiredService<IdentityDb>().RefreshTokens
                .Where(token => token.ExpiresAt <= now)
                .ExecuteDeleteAsync(cancel);
            return true;
        }
        catch (Exception failure) when (Faults.IsDatabaseAway(failure))
        {
            LogAway(failure.Message);
            return false;
        }
    }

    [LoggerMessage(LogLevel.Warning, "Signing keys are not kept while the database is away: {Reason}")]
    private partial void LogAway(string reason);
}
