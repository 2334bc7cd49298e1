namespace Aspire.Hosting.Running;

internal static class DependencyWait
{
    /// <summary>Ends when what is waited for has come; throws when it cannot come any more and the wait says to stop then.</summary>
    public static async Task For(ResourceNotificationService notifications, WaitAnnotation wait, string id, CancellationToken cancel)
    {
        var behavior = wait.WaitBehavior ?? notifications.DefaultWaitBehavior;
        switch (wait.WaitType)
        {
            case WaitType.WaitUntilHealthy:
                await notifications.WaitForResourceHealthyAsync(id, behavior, cancel);
                break;
            case WaitType.WaitUntilStarted:
                var started = await notifications.WaitForResourceAsync(
                    id,
                    update => IsRunning(update) || (behavior == WaitBehavior.StopOnResourceUnavailable && ResourceNotificationService.HasEnded(update)),
                    cancel);
                Require(IsRunning(started), started, "it never ran");
                break;
            case WaitType.WaitForCompletion:
                var ended = await notifications.WaitForResourceAsync(id, ResourceNotificationService.HasEnded, cancel);
                Require(ended.Snapshot.ExitCode == wait.ExitCode, ended, $"exit code {wait.ExitCode} was expected");
                break;
            default:
                throw new DistributedApplicationException($"Wait type {wait.WaitType} is unknown.");
        }
    }

    private static bool IsRunning(ResourceEvent update) => update.Snapshot.State?.Text == KnownResourceStates.Running;

    private static void Require(bool met, ResourceEvent update, string expectation)
    {
        if (!met)
        {
            throw new DistributedApplicationException(
                $"resource '{update.ResourceId}' is {update.Snapshot.State?.Text} with exit code {update.Snapshot.ExitCode?.ToString() ?? "unknown"}: {expectation}");
        }
    }
}
