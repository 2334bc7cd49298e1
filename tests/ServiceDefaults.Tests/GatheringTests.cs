using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>What arrives while work is under way is done together; what comes alone is done at once.</summary>
public sealed class GatheringTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly List<int[]> _batches = [];
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _goOn = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public async Task Items_that_come_while_the_first_is_at_work_are_one_batch_in_their_order()
    {
        var gathering = new Gathering<int>(100, HoldFirst);
        var first = gathering.Do([0]);
        await _started.Task.WaitAsync(Patience);
        Task[] others = [.. Enumerable.Range(1, 9).Select(item => gathering.Do([item]))];
        others.ShouldAllBe(task => !task.IsCompleted);
        _goOn.SetResult();

        await Task.WhenAll([first, .. others]).WaitAsync(Patience);

        _batches.Count.ShouldBe(2);
        _batches[0].ShouldBe([0]);
        _batches[1].ShouldBe([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    [Fact]
    public async Task A_batch_holds_no_more_than_it_may_and_what_was_given_together_stays_together()
    {
        var gathering = new Gathering<int>(3, HoldFirst);
        var first = gathering.Do([0]);
        await _started.Task.WaitAsync(Patience);
        Task[] others = [.. new int[][] { [1, 2], [3, 4], [5], [6, 7, 8, 9] }.Select(items => gathering.Do(items))];
        _goOn.SetResult();

        await Task.WhenAll([first, .. others]).WaitAsync(Patience);

        _batches.Count.ShouldBe(4);
        _batches[1].ShouldBe([1, 2]);
        _batches[2].ShouldBe([3, 4, 5]);
        _batches[3].ShouldBe([6, 7, 8, 9]);
    }

    [Fact]
    public async Task A_batch_that_fails_fails_for_all_in_it_and_the_next_is_done()
    {
        var gathering = new Gathering<int>(2, async items =>
        {
            await HoldFirst(items);
            if (items.Contains(1))
            {
                throw new InvalidOperationException("refused");
            }
        });
        var first = gathering.Do([0]);
        await _started.Task.WaitAsync(Patience);
        Task[] failing = [gathering.Do([1]), gathering.Do([2])];
        var last = gathering.Do([3]);
        _goOn.SetResult();

        await first.WaitAsync(Patience);
        foreach (var task in failing)
        {
            (await Should.ThrowAsync<InvalidOperationException>(task.WaitAsync(Patience))).Message.ShouldBe("refused");
        }

        await last.WaitAsync(Patience);
        var afterwards = gathering.Do([4]);
        await afterwards.WaitAsync(Patience);
        _batches[^1].ShouldBe([4]);
    }

    private async Task HoldFirst(IReadOnlyList<int> items)
    {
        _batches.Add([.. items]);
        _started.TrySetResult();
        await _goOn.Task.WaitAsync(Patience);
    }
}
