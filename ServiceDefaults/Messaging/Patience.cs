using Microsoft.Extensions.Logging;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>Waits out what is away, tries what failed a few times, and then parks the items one by one so that only the poison stops.</summary>
internal sealed partial class Patience(ServiceDatabase database, RelaySettings settings, TimeProvider time, ILogger<Patience> log)
{
    /// <summary>A server that crashes and comes back needs a few tries; work that always times out on a server that answers is at fault itself.</summary>
    private const int MaxAwayWhileItAnswers = 20;

    /// <summary>A listener holds its queue up while it waits: it waits a tenth of what a row of a table does.</summary>
    private const double ShareOfBackoff = 0.1;

    private static readonly TimeSpan MaxAwayDelay = TimeSpan.FromSeconds(2);

    public async Task Apply<TItem>(
        IReadOnlyList<TItem> items, Func<IReadOnlyList<TItem>, CancellationToken, Task> work, Func<TItem, Exception, int, Task> park, CancellationToken cancel)
    {
        var attempts = 0;
        var away = 0;
        while (true)
        {
            try
            {
                await work(items, cancel);
                return;
            }
            catch (Exception exception) when (!cancel.IsCancellationRequested)
            {
                if (Faults.IsTransient(exception) && (away < MaxAwayWhileItAnswers || !await Answers(cancel)))
                {
                    Away(exception.Message);
                    await Task.Delay(TimeSpan.FromMilliseconds(Math.Min(50 * (1 << Math.Min(away++, 6)), MaxAwayDelay.TotalMilliseconds)), time, cancel);
                    continue;
                }

                attempts++;
                Failed(exception, attempts);
                if (attempts < settings.Attempts)
                {
                    await Task.Delay(settings.Backoff * ShareOfBackoff * (1 << (attempts - 1)), time, cancel);
                }
                else if (items.Count == 1)
                {
                    await park(items[0], exception, attempts);
                    return;
                }
                else
                {
                    foreach (var item in items)
                    {
                        await Apply([item], work, park, cancel);
                    }

                    return;
                }
            }
        }
    }

    private async Task<bool> Answers(CancellationToken cancel)
    {
        try
        {
            await using var ping = database.App.CreateCommand("SELECT 1");
            await ping.ExecuteScalarAsync(cancel);
            return true;
        }
        catch (Exception exception) when (Faults.IsDatabaseAway(exception))
        {
            return false;
        }
    }

    [LoggerMessage(LogLevel.Warning, "A consumer waits: {Reason}")]
    private partial void Away(string reason);

    [LoggerMessage(LogLevel.Warning, "A consumer failed, attempt {Attempt}")]
    private partial void Failed(Exception exception, int attempt);
}

