using OpsPlatform.Bench;
using OpsPlatform.Bench.Benchmarks;
using OpsPlatform.Bench.Frame;

IBenchmark[] benchmarks = [new OrdersBenchmark(), new CaptureBenchmark(), new CommitToBrowser(), new FeedBenchmark(), new FanOut(), new Reads(), new OperationsBenchmark(), new ReplayBenchmark(), new StartBenchmark(), new Growth()];

Options options;
try
{
    options = Options.Parse(args, [.. benchmarks.Select(benchmark => benchmark.Name)]);
}
catch (ArgumentException refusal)
{
    await Console.Error.WriteLineAsync(refusal.Message);
    return 2;
}

using var cancel = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true;
    cancel.Cancel();
};
using var terminated = System.Runtime.InteropServices.PosixSignalRegistration.Create(System.Runtime.InteropServices.PosixSignal.SIGTERM, signal =>
{
    signal.Cancel = true;
    cancel.Cancel();
});

var report = new Report(options, Path.Combine(BenchSystem.RepositoryRoot, "bench"), [.. benchmarks.Select(benchmark => benchmark.Name)]);
var isComplete = true;
foreach (var benchmark in benchmarks.Where(benchmark => options.Names.Count == 0 || options.Names.Contains(benchmark.Name)))
{
    Console.WriteLine($"== {benchmark.Name}: {benchmark.About}");
    var session = new Session(benchmark, options, cancel.Token);
    try
    {
        await benchmark.Run(session);
    }
    catch (OperationCanceledException) when (cancel.IsCancellationRequested)
    {
        await Console.Error.WriteLineAsync("interrupted; what it started is stopped");
        return 130;
    }
    catch (Exception fault)
    {
        // One that breaks leaves the others' figures standing; it is told in the results and in the exit code.
        session.Fail(fault);
        isComplete = false;
    }

    report.Add(session);
}

return isComplete ? 0 : 1;
