using System.Globalization;

namespace OpsPlatform.Replay;

/// <summary>Shows how far a piece of work is: a bar on a terminal, otherwise a plain line every five seconds.</summary>
internal sealed class Progress
{
    private const int BarWidth = 28;
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan BarInterval = TimeSpan.FromMilliseconds(200);

    private readonly TextWriter output;
    private readonly TimeProvider clock;
    private readonly bool isTerminal;
    private readonly string what;
    private readonly int total;
    private readonly long started;
    private readonly Lock gate = new();
    private long lastShown;
    private int done;

    public Progress(TextWriter output, TimeProvider clock, bool isTerminal, string what, int total)
    {
        this.output = output;
        this.clock = clock;
        this.isTerminal = isTerminal;
        this.what = what;
        this.total = total;
        started = lastShown = clock.GetTimestamp();
    }

    public TimeSpan Elapsed => clock.GetElapsedTime(started);

    public void Add()
    {
        lock (gate)
        {
            Show(done + 1);
        }
    }

    /// <summary>Reports a count read from elsewhere.</summary>
    public void Set(int count)
    {
        lock (gate)
        {
            Show(count);
        }
    }

    public void Finish()
    {
        lock (gate)
        {
            Write();

            if (isTerminal)
            {
                output.WriteLine();
            }
        }
    }

    private void Show(int count)
    {
        done = count;

        if (clock.GetElapsedTime(lastShown) >= (isTerminal ? BarInterval : LineInterval))
        {
            lastShown = clock.GetTimestamp();
            Write();
        }
    }

    private void Write()
    {
        var line = Line(what, done, total, Elapsed);

        if (isTerminal)
        {
            var filled = total == 0 ? BarWidth : (int)((long)BarWidth * Math.Min(done, total) / total);
            output.Write($"\r[{new string('#', filled)}{new string('.', BarWidth - filled)}] {line}   ");
        }
        else
        {
            output.WriteLine(line);
        }
    }

    /// <summary>"orders 1,200 of 9,464 (12 %), 410/s, 0:20 left"</summary>
    public static string Line(string what, int done, int total, TimeSpan elapsed)
    {
        var percent = total == 0 ? 100 : (int)(100L * done / total);
        var perSecond = elapsed > TimeSpan.Zero ? done / elapsed.TotalSeconds : 0;
        var rate = perSecond.ToString(perSecond < 10 ? "0.0" : "#,0", CultureInfo.InvariantCulture);
        var left =
            done >= total ? $"took {Clock(elapsed)}"
            : perSecond > 0 ? $"{Clock(TimeSpan.FromSeconds((total - done) / perSecond))} left"
            : "time left unknown";

        return string.Create(CultureInfo.InvariantCulture, $"{what} {done:N0} of {total:N0} ({percent} %), {rate}/s, {left}");
    }

    private static string Clock(TimeSpan span) =>
        span.TotalHours >= 1
            ? string.Create(CultureInfo.InvariantCulture, $"{(long)span.TotalHours}:{span.Minutes:00}:{span.Seconds:00}")
            : string.Create(CultureInfo.InvariantCulture, $"{span.Minutes}:{span.Seconds:00}");
}
