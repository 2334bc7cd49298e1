using Microsoft.Extensions.Options;
using OpsPlatform.Identity.Sessions;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Identity.Keys;

/// <summary>Keeps the keys, and sweeps sessions that expired. Whatever fails is tried again a second later: without keys nobody is let in.</summary>
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

            var db = scope.ServiceProvider.GetRequiredService<IdentityDb>();
            await db.SweepSessions(time.GetUtcNow(), cancel);
            await db.SweepSignInFailures(time.GetUtcNow(), cancel);
            return true;
        }
        catch (Exception failure) when (failure is not OperationCanceledException || !cancel.IsCancellationRequested)
        {
            LogFailed(failure);
            return false;
        }
    }

    [LoggerMessage(LogLevel.Error, "Signing keys and expired refresh tokens were not looked after; trying again")]
    private partial void LogFailed(Exception failure);
}
