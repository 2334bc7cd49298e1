using Microsoft.AspNetCore.Identity;
using OpsPlatform.Identity.Organisations;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Identity.Demo;

/// <summary>Founds the demo organisation when Demo:Enabled says so; later starts and other replicas find its e-mail address taken and leave it. Whatever fails is tried again a second later.</summary>
internal sealed partial class DemoOrganisation(
    ServiceDatabase database, IServiceScopeFactory scopes, TimeProvider time, ILogger<DemoOrganisation> log) : BackgroundService
{
    public const string Email = "demo@opsplatform.local";
    public const string Password = "Demo-Pass-1234";

    private static readonly OrganisationRequest Bakery = new("Demo Bakery", "GBP", "Europe/London", "04:00");
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);

        while (!await TryFound(stoppingToken))
        {
            await Task.Delay(RetryDelay, time, stoppingToken);
        }
    }

    private async Task<bool> TryFound(CancellationToken cancel)
    {
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            var owner = User.Named(Email, "Demo", time.GetUtcNow());
            owner.PasswordHash = scope.ServiceProvider.GetRequiredService<UserManager<User>>().PasswordHasher.HashPassword(owner, Password);

            if (await scope.ServiceProvider.GetRequiredService<Founding>().TryFound(owner, Bakery, cancel) is not null)
            {
                LogFounded(Email);
            }

            return true;
        }
        catch (Exception failure) when (failure is not OperationCanceledException || !cancel.IsCancellationRequested)
        {
            LogFailed(failure);
            return false;
        }
    }

    [LoggerMessage(LogLevel.Warning, "The demo organisation exists: log in as {Email}. Never enable it where strangers can reach it")]
    private partial void LogFounded(string email);

    [LoggerMessage(LogLevel.Error, "The demo organisation could not be founded; trying again")]
    private partial void LogFailed(Exception failure);
}
