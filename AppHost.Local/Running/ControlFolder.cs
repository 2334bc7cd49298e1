namespace Aspire.Hosting.Running;

/// <summary>
/// Lets a script stop and start resources of the running host: a file `{resource}.stop` or `{resource}.start` is an order for all
/// its replicas, taken away once it was carried out, or named `.failed` with the reason in it.
/// </summary>
internal static class ControlFolder
{
    private static readonly TimeSpan _poll = TimeSpan.FromMilliseconds(200);

    public static async Task FollowAsync(Orchestrator host, string folder, CancellationToken cancel)
    {
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (var stale in Directory.GetFiles(folder))
        {
            File.Delete(stale);
        }

        using var timer = new PeriodicTimer(_poll);
        try
        {
            while (await timer.WaitForNextTickAsync(cancel))
            {
                await CarryOutAllAsync(host, folder);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The application stops.
        }
    }

    private static async Task CarryOutAllAsync(Orchestrator host, string folder)
    {
        try
        {
            foreach (var order in Directory.GetFiles(folder).Where(file => Path.GetExtension(file) is ".stop" or ".start"))
            {
                try
                {
                    await CarryOutAsync(host, order);
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    // Whoever gave the order took it back, or the disk is full: it is looked at again at the next poll, after the others.
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The folder cannot be read just now.
        }
    }

    private static async Task CarryOutAsync(Orchestrator host, string order)
    {
        var runners = host.RunnersOf(Path.GetFileNameWithoutExtension(order));
        if (runners.Count == 0)
        {
            await File.WriteAllTextAsync(order, "There is no such resource.");
            File.Move(order, Path.ChangeExtension(order, ".failed"), overwrite: true);
            return;
        }

        if (Path.GetExtension(order) == ".stop")
        {
            await Task.WhenAll(runners.Select(runner => runner.StopAsync()));
        }
        else
        {
            runners.ForEach(runner => runner.Start());
        }

        File.Delete(order);
    }
}
