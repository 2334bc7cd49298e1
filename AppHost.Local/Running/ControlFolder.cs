namespace Aspire.Hosting.Running;

/// <summary>
/// Lets a script stop and start resources of the running host: a file `{resource}.stop` or `{resource}.start` is an order for all
/// its replicas, taken away once it was carried out, or named `.failed` with the reason in it.
/// </summary>
internal static class ControlFolder
{
    /// <param name="poll">An order is seen at once; so long it waits when that could not be told, or could not be carried out at first.</param>
    public static async Task FollowAsync(Orchestrator host, string folder, TimeSpan poll, CancellationToken cancel)
    {
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (var stale in Directory.GetFiles(folder))
        {
            File.Delete(stale);
        }

        // Not disposed of: the watcher may tell of one order more when it has ended.
        var given = new SemaphoreSlim(0);
        using var watcher = new FileSystemWatcher(folder);
        watcher.Created += (_, _) => given.Release();
        watcher.Renamed += (_, _) => given.Release();
        try
        {
            watcher.EnableRaisingEvents = true;
        }
        catch (IOException)
        {
            // The machine lets nobody watch more: the poll sees it.
        }

        try
        {
            while (true)
            {
                await given.WaitAsync(poll, cancel);
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
