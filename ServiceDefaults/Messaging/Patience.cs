using Microsoft.Extensions.Logging;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>Waits out what is away, tries what failed a few times, and then parks the items one by one so that only the poison stops.</summary>
internal sealed partial class Patience(RelaySettings settings, TimeProvider time, ILogger<Patience> log)
{
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
            catch (Exception exception) when (Faults.IsTransient(exception) && !cancel.IsCancellationRequested)
            {
                Away(exception.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(Math.Min(50 * (1 << Math.Min(away++, 6)), MaxAwayDelay.TotalMilliseconds)), time, cancel);
            }
            catch (Exception exception) when (!cancel.IsCancellationRequested)
            {
                attempts++;
                Failed(exception, attempts);
                if (attempts < settings.Attempts)
                {
                    await Task.Delay(TimeSpan.FromSeconds(settings.BackoffSeconds * 0.1 * (1 << attempts)), time, cancel);
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

    [LoggerMessage(LogLevel.Warning, "A consumer waits: {Reason}")]
    private partial void Away(string reason);

    [LoggerMessage(LogLevel.Warning, "A consumer failed, attempt {Attempt}")]
    private partial void Failed(Exception exception, int attempt);
}

