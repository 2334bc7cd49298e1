using Npgsql;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.OperationTracking.Alerts.Webhooks;

/// <summary>Sends what is due, and tries again what did not get through, for more than a day.</summary>
internal sealed partial class DeliverWebhooks(ServiceDatabase database, DeliveryQueue queue, WebhookClient client, TimeProvider time, ILogger<DeliverWebhooks> log)
    : BackgroundService
{
    /// <summary>In one process, each to another webhook.</summary>
    private const int MaxAtOnce = 16;

    /// <summary>Receivers that were away together come back to attempts at different times.</summary>
    private const double Jitter = 0.2;

    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromHours(24);

    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Before the second attempt, the third and so on.</summary>
    private static readonly TimeSpan[] Delays =
    [
        TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(30), TimeSpan.FromHours(2), TimeSpan.FromHours(5), TimeSpan.FromHours(10),
        TimeSpan.FromHours(10),
    ];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        List<Task> sending = [];
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                sending.RemoveAll(task => task.IsCompleted);
                while (sending.Count < MaxAtOnce && await queue.Take(stoppingToken) is { } delivery)
                {
                    sending.Add(Send(delivery));
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
            catch (NpgsqlException fault)
            {
                NotTaken(fault);
            }

            // Woken by one that is done while something may wait for it; after a fault not before the poll.
            await Task.WhenAny([Task.Delay(PollInterval, time, stoppingToken), .. sending]);
        }

        // What takes longer is sent again once its lease has run out.
        await Task.WhenAll(sending).WaitAsync(StopTimeout, time, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task Send(TakenDelivery delivery)
    {
        try
        {
            var outcome = await client.Send(delivery);
            var isGone = outcome.StatusCode == StatusCodes.Status410Gone;
            if (await queue.Settle(delivery, outcome, isGone, outcome.IsDelivered || isGone ? null : NextAt(delivery, outcome)) is { } reason)
            {
                Disabled(delivery.WebhookId, delivery.Org, reason);
            }
        }
        catch (Exception fault)
        {
            // The lease runs out, and it is sent again.
            NotSettled(delivery.Id, fault);
        }
    }

    private DateTimeOffset? NextAt(TakenDelivery delivery, AttemptOutcome outcome)
    {
        if (delivery.Attempts >= Delays.Length)
        {
            return null;
        }

        var delay = Delays[delivery.Attempts] * (1 + (Random.Shared.NextDouble() * Jitter));
        var asked = outcome.RetryAfter is { } after && after < LongestRetryAfter ? after : TimeSpan.Zero;
        return time.GetUtcNow() + (asked > delay ? asked : delay);
    }

    [LoggerMessage(LogLevel.Warning, "Webhooks were not looked for; the next poll does it")]
    private partial void NotTaken(Exception fault);

    [LoggerMessage(LogLevel.Error, "What became of delivery {Id} was not noted; it is sent again")]
    private partial void NotSettled(Guid id, Exception fault);

    [LoggerMessage(LogLevel.Warning, "Webhook {Id} of organisation {Org} is disabled: {Reason}")]
    private partial void Disabled(Guid id, Guid org, string reason);
}
