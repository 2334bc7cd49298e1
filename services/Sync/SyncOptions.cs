using OpsPlatform.ServiceDefaults;

namespace OpsPlatform.Sync;

/// <summary>Limits and intervals of the feed, from the configuration section Sync. Stream limits hold per process: each replica admits as many.</summary>
internal sealed class SyncOptions
{
    /// <summary>Entries captured longer ago may be forgotten; whole weeks are dropped at a time.</summary>
    public TimeSpan FeedRetention { get; set; } = TimeSpan.FromDays(30);

    /// <summary>How often retention is applied.</summary>
    public TimeSpan RetentionInterval { get; set; } = TimeSpan.FromHours(1);

    /// <summary>A stream that had nothing to say for this long sends a comment.</summary>
    public TimeSpan KeepAlive { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>A filtered stream tells its position at most this often.</summary>
    public TimeSpan PositionInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How often the heads are read for entries that another replica appended and was not heard to.</summary>
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How often the state of every row is brought up to what this process appended.</summary>
    public TimeSpan ApplyInterval { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>So long a check waits until what was sent before it has left the queues; what differs later is in flight.</summary>
    public TimeSpan QueuePatience { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>After its comparison a table rests for so many times as long as that took, at most 10 minutes.</summary>
    public int ComparisonRest { get; set; } = 20;

    public TimeSpan TicketLifetime { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>A subscriber with this many frames waiting is told to resume.</summary>
    public int SubscriberFrames { get; set; } = 1_000;

    public int StreamsPerOrganisation { get; set; } = 600;

    public int StreamsPerUser { get; set; } = 100;

    /// <summary>So long a resync waits for its turn.</summary>
    public TimeSpan ResyncPatience { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>SYNC_REALTIME: off refuses streams; pages of the feed go on.</summary>
    public bool RealTime { get; private set; }

    /// <exception cref="InvalidOperationException">A setting cannot be read; the message names it.</exception>
    public static SyncOptions Read(IConfiguration configuration)
    {
        var options = configuration.GetSection("Sync").Get<SyncOptions>() ?? new();
        options.RealTime = configuration.OnOff("SYNC_REALTIME", true);
        return options;
    }
}
