using System.Diagnostics;
using OpsPlatform.Chaos.Events;
using OpsPlatform.Chaos.Invariants;
using OpsPlatform.Chaos.Load;
using OpsPlatform.Chaos.Running;
using OpsPlatform.Chaos.Watch;

namespace OpsPlatform.Chaos;

/// <summary>One run: shops work, things break one after another, and what must hold is looked at after each and, strictly, at the end.</summary>
internal sealed class ChaosRun(Options options, Target target, TextWriter output)
{
    private const int Shops = 3;
    private static readonly TimeSpan FlowPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan QuietPatience = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);
    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly Findings _findings = new();

    private TimeSpan Elapsed => Stopwatch.GetElapsedTime(_started);

    /// <returns>Whether everything held.</returns>
    public async Task<bool> Run(CancellationToken cancel)
    {
        using var broker = new BrokerApi(target);
        await using var books = new Books(target);
        using var abort = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        await using var crowd = await Crowd.Gather(target.Gateway, Shops, options.Seed, abort.Token);
        await using var sampler = Sampler.Start(target, books, broker);
        try
        {
            var leftOver = new NothingLeftOver(books, broker, crowd);
            var operations = new OperationsEnd(books, crowd.Shops);
            IInvariant[] invariants =
            [
                new StockEqualsLog(books, crowd.Shops), new OrdersEqualDecisions(books, crowd.Shops), new FeedIsDense(books, crowd.Shops),
                new AnalyticsEqualsOrders(books, crowd.Shops), new NoDuplicate(books, crowd.Shops), new NoCrossTenantRow(books, crowd.Shops, options.Seed), operations, leftOver,
            ];
            output.WriteLine($"{Shops} shops work and replays run. Checked after each event: {string.Join(", ", invariants.Select(invariant => invariant.Name))}.");
            var done = await Break(crowd, invariants, new OperationsAtWork(books), new Surgeon(target, broker, books), new Recovery(target, broker, books, crowd.Shops, options.Seed), cancel);
            await crowd.Stop();
            await Quiet(leftOver, cancel);
            output.WriteLine($"{Clock(Elapsed)} all work is done: {crowd.Answered:N0} requests answered, {crowd.Replays.Reconciled} replays reconciled; now everything is checked to the last row");
            output.WriteLine($"          {await operations.Tally(cancel)}");
            output.WriteLine($"          {await Check(invariants, (invariant, found) => invariant.Quiet(found, cancel))}");
            if (options.IsSoak)
            {
                await sampler.Stop();
                SoakReport.Judge(options, done, Elapsed, sampler.Samples, _findings, output);
            }
        }
        catch
        {
            await abort.CancelAsync();
            throw;
        }

        return Verdict();
    }

    private async Task<int> Break(Crowd crowd, IInvariant[] invariants, OperationsAtWork operations, Surgeon surgeon, Recovery recovery, CancellationToken cancel)
    {
        var answered = 0L;
        var done = 0;
        foreach (var planned in Plan.Of(options))
        {
            if (options.Events is null && Elapsed > TimeSpan.FromMinutes(options.Minutes) && done >= Plan.FewestEvents)
            {
                break;
            }

            if (planned.Due > Elapsed)
            {
                await Task.Delay(planned.Due - Elapsed, cancel);
            }

            var inFlight = await WorkInFlight(crowd, answered, cancel);
            var answeredSince = crowd.Answered - answered;
            answered = crowd.Answered;
            var atWork = await operations.StartAndAwait(planned.Victim, crowd.Shops[planned.Number % Shops], options.Seed + planned.Number, cancel);
            var at = Elapsed;
            var (what, ended) = await surgeon.Injure(planned, cancel);
            var (took, missing) = await recovery.Await(planned.Victim, ended, DateTime.UtcNow, cancel);
            if (missing is not null)
            {
                _findings.Add("comes back", $"after event {planned.Number} ({planned.Injury} of {planned.Victim})", "everything back", missing);
            }

            var verdict = await Check(invariants, (invariant, found) => invariant.Live(found, cancel));
            output.WriteLine(FormattableString.Invariant(
                $"{Clock(at)} #{planned.Number} {planned.Injury} {planned.Victim}: {what}; {inFlight} requests in flight, {atWork} operations at work, {answeredSince:N0} answered since the last; ")
                + $"{took}; {verdict}");
            done++;
        }

        return done;
    }

    /// <returns>The requests in flight just now, one at least.</returns>
    private static async Task<int> WorkInFlight(Crowd crowd, long answered, CancellationToken cancel)
    {
        var since = Stopwatch.GetTimestamp();
        while (!crowd.HasFailed)
        {
            if (crowd.InFlight is > 0 and var inFlight && crowd.Answered > answered)
            {
                return inFlight;
            }

            if (Stopwatch.GetElapsedTime(since) > FlowPatience)
            {
                throw new TimeoutException($"No work was under way for {FlowPatience.TotalSeconds:0} s, though everything was back.");
            }

            await Task.Delay(1, cancel);
        }

        await crowd.Stop();
        return 0;
    }

    private static async Task Quiet(NothingLeftOver leftOver, CancellationToken cancel)
    {
        var since = Stopwatch.GetTimestamp();
        // What is left then is found by the checks that follow.
        while (await leftOver.StillUnderWay(cancel) is not null && Stopwatch.GetElapsedTime(since) < QuietPatience)
        {
            await Task.Delay(Look, cancel);
        }
    }

    private async Task<string> Check(IEnumerable<IInvariant> invariants, Func<IInvariant, Findings, Task> check)
    {
        var verdicts = new List<string>();
        foreach (var invariant in invariants)
        {
            var found = new Findings();
            await check(invariant, found);
            _findings.Add(found);
            verdicts.Add(found.Count == 0 ? $"{invariant.Name} ok" : $"{invariant.Name} VIOLATED {found.Count} times, such as {found.Lines[0]}");
        }

        return string.Join(", ", verdicts);
    }

    private bool Verdict()
    {
        if (_findings.Count == 0)
        {
            output.WriteLine($"Everything holds. Seed {options.Seed}.");
            return true;
        }

        output.WriteLine($"VIOLATED, {_findings.Count} findings:");
        foreach (var line in _findings.Lines)
        {
            output.WriteLine($"  {line}");
        }

        output.WriteLine($"The same again: {options.Command}");
        return false;
    }

    private static string Clock(TimeSpan span) => FormattableString.Invariant($"{(int)span.TotalMinutes:00}:{span.Seconds:00}");
}
