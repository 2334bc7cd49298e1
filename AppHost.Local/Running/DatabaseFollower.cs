using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.Running;

/// <summary>A database has no process: it is what its server is, and healthy once the server has created it.</summary>
internal static class DatabaseFollower
{
    public static async Task FollowAsync(PostgresDatabaseResource database, ResourceNotificationService notifications, CancellationToken cancel)
    {
        try
        {
            await foreach (var update in notifications.WatchAsync(cancel))
            {
                if (ReferenceEquals(update.Resource, database.Parent))
                {
                    await FollowAsync(database, update.Snapshot, notifications, cancel);
                }
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The application stops.
        }
    }

    private static async Task FollowAsync(
        PostgresDatabaseResource database, CustomResourceSnapshot server, ResourceNotificationService notifications, CancellationToken cancel)
    {
        if (server is { HealthStatus: HealthStatus.Healthy, ResourceReadyEvent.EventTask: var ready })
        {
            await ready.WaitAsync(cancel).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }

        await notifications.PublishUpdateAsync(database, snapshot => snapshot with
        {
            State = server.State,
            ExitCode = server.ExitCode,
            Properties = [.. server.Properties.Where(property => property.Name == KnownProperties.Failure)],
            HealthStatus = server.ResourceReadyEvent is { EventTask.IsCompletedSuccessfully: false } ? HealthStatus.Unhealthy : server.HealthStatus,
            ResourceReadyEvent = server.ResourceReadyEvent,
        });
    }
}
