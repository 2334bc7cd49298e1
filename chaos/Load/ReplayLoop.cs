using OpsPlatform.Replay;

namespace OpsPlatform.Chaos.Load;

/// <summary>Sells the demo pack in one fresh organisation after another; each replay accounts for every gram from its files alone.</summary>
internal sealed class ReplayLoop(Uri gateway)
{
    private static readonly TimeSpan Between = TimeSpan.FromSeconds(5);
    private readonly List<string> _failures = [];

    /// <summary>Replays that reconciled.</summary>
    public int Reconciled { get; private set; }

    /// <summary>What replays said that did not reconcile.</summary>
    public IReadOnlyList<string> Failures => _failures;

    public async Task Run(CancellationToken stop, CancellationToken abort)
    {
        while (!stop.IsCancellationRequested)
        {
            await using var text = new StringWriter();
            var code = await ReplayCommand.Run(["--gateway", gateway.AbsoluteUri, "--register", "Replay", "--parallel", "2"], text, abort);
            abort.ThrowIfCancellationRequested();
            if (code == ExitCode.Reconciled)
            {
                Reconciled++;
            }
            else
            {
                _failures.Add($"a replay ended with {code}: {text.ToString().ReplaceLineEndings(" | ")}");
            }

            await Task.Delay(Between, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
