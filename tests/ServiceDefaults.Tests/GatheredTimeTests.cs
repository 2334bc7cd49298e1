using System.Diagnostics;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>Timers of a process that repeat go off together, none before its time.</summary>
public sealed class GatheredTimeTests
{
    private readonly GatheredTime _time = new();

    [Fact]
    public async Task What_is_due_within_a_quarter_of_a_second_goes_off_at_one_or_two_moments()
    {
        var began = Stopwatch.GetTimestamp();
        var late = await Task.WhenAll(Enumerable.Range(0, 25).Select(async step =>
        {
            var asked = TimeSpan.FromMilliseconds(500 + (step * 10));
            using var timer = new PeriodicTimer(asked, _time);
            await timer.WaitForNextTickAsync();
            var after = Stopwatch.GetElapsedTime(began);
            // The system's clock for timers goes by a few milliseconds.
            after.ShouldBeGreaterThan(asked - TimeSpan.FromMilliseconds(10));
            return after;
        }));

        // Left to themselves, they would go off at eight.
        var moments = 0;
        var moment = TimeSpan.Zero;
        foreach (var after in late.Order().Where(after => after - moment > TimeSpan.FromMilliseconds(30)))
        {
            (moment, moments) = (after, moments + 1);
        }

        moments.ShouldBeLessThanOrEqualTo(4);
    }

    [Fact]
    public async Task One_that_repeats_keeps_its_pace()
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(750), _time);
        await timer.WaitForNextTickAsync();
        var began = Stopwatch.GetTimestamp();
        for (var turn = 0; turn < 4; turn++)
        {
            await timer.WaitForNextTickAsync();
        }

        Stopwatch.GetElapsedTime(began).ShouldBeInRange(TimeSpan.FromSeconds(2.5), TimeSpan.FromSeconds(3.6));
    }

    [Fact]
    public async Task What_goes_off_once_or_often_does_so_at_its_time()
    {
        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Once(TimeSpan.FromMilliseconds(510)), Once(TimeSpan.FromMilliseconds(630)), Often(TimeSpan.FromMilliseconds(100)));

        async Task Once(TimeSpan due)
        {
            for (var turn = 0; turn < 5; turn++)
            {
                await Task.Delay(due, _time);
            }

            // Gathered, five would take 3.75 s.
            Stopwatch.GetElapsedTime(began).ShouldBeLessThan((5 * due) + TimeSpan.FromMilliseconds(400));
        }

        async Task Often(TimeSpan period)
        {
            using var timer = new PeriodicTimer(period, _time);
            for (var turn = 0; turn < 20; turn++)
            {
                await timer.WaitForNextTickAsync();
            }

            Stopwatch.GetElapsedTime(began).ShouldBeLessThan(TimeSpan.FromSeconds(3));
        }
    }
}
