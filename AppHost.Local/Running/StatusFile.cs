using System.Text;

namespace Aspire.Hosting.Running;

/// <summary>Keeps a table of the resources for ./run status: name, state, health, process id, URL, one line each, tab-separated.</summary>
internal static class StatusFile
{
    public static async Task WriteAsync(string path, ResourceNotificationService notifications, CancellationToken cancel)
    {
        var rows = new SortedDictionary<string, string>(StringComparer.Ordinal);
        try
        {
            await foreach (var update in notifications.WatchAsync(cancel))
            {
                rows[update.ResourceId] = Row(update);
                await File.WriteAllTextAsync(path + ".new", new StringBuilder().AppendJoin("", rows.Values).ToString(), CancellationToken.None);
                File.Move(path + ".new", path, overwrite: true);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The application stops and removes the file.
        }
    }

    private static string Row(ResourceEvent update)
    {
        var snapshot = update.Snapshot;
        var pid = snapshot.Properties.FirstOrDefault(property => property.Name == KnownProperties.Executable.Pid)?.Value;
        var url = snapshot.Urls.FirstOrDefault(candidate => candidate.Url.StartsWith("http", StringComparison.Ordinal)) ?? snapshot.Urls.FirstOrDefault();
        return $"{update.ResourceId}\t{snapshot.State?.Text ?? "-"}\t{snapshot.HealthStatus?.ToString() ?? "-"}\t{pid ?? "-"}\t{url?.Url ?? "-"}\n";
    }
}
