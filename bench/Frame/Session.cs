namespace OpsPlatform.Bench.Frame;

internal interface IBenchmark
{
    string Name { get; }

    string About { get; }

    Task Run(Session session);
}

/// <summary>One benchmark's way through its runs, and what it measured.</summary>
internal sealed class Session(IBenchmark benchmark, Options options, CancellationToken cancel)
{
    private readonly List<List<Figure>> _runs = [];

    public IBenchmark Benchmark => benchmark;

    public CancellationToken Cancel => cancel;

    public bool IsQuick => options.IsQuick;

    public IReadOnlyList<IReadOnlyList<Figure>> Runs => _runs;

    /// <summary>Where the time of each phase went, the last run's, by phase.</summary>
    public Dictionary<string, Profile> Profiles { get; } = [];

    public DurabilityFacts? Durability { get; private set; }

    public string? Failure { get; private set; }

    /// <summary>Why it cannot be measured on this machine.</summary>
    public string? Skipped { get; private set; }

    public int RunCount => options.Runs;

    public string StateDirectory => options.StateDirectory;

    /// <summary>A share of the longest phase.</summary>
    public TimeSpan Phase(double share = 1) => TimeSpan.FromSeconds(Math.Max(1, share * options.Seconds));

    /// <summary>Boots the whole system on fresh data and gives it a while to settle.</summary>
    public async Task<BenchSystem> Boot()
    {
        var system = await BenchSystem.Boot(options.StateDirectory, cancel);
        Note(await DurabilityFacts.Read(system, cancel));
        // What a start leaves to do, such as the compiler's second look at hot code, is not what is measured.
        await Task.Delay(Phase(1.0 / 6), cancel);
        return system;
    }

    /// <summary>Measures as often as asked for; each run records the same figures.</summary>
    public Task Repeat(Func<Task> run) => Repeat(_ => run());

    /// <param name="run">Gets the number of the run, from 0.</param>
    public async Task Repeat(Func<int, Task> run)
    {
        for (var i = 0; i < options.Runs; i++)
        {
            Console.WriteLine($"  run {i + 1} of {options.Runs}, load average {Machine.LoadAverage()}");
            _runs.Add([]);
            await run(i);
        }
    }

    public void Record(Figure figure)
    {
        _runs[^1].Add(figure);
        foreach (var value in figure.Values)
        {
            var limit = value.Limit is { } most ? $"; {figure.LimitName}: {Number.Text(most)} {figure.Unit}, ratio {Number.Text(value.Value / most)}" : "";
            var goal = value.Goal is { } wanted ? $"; goal {wanted}" : figure.RatioGoal is { } ratio ? $"; goal ratio {ratio}" : "";
            Console.WriteLine($"    {figure.Name} {value.Label} = {Number.Text(value.Value)} {figure.Unit}{limit}{goal}");
        }
    }

    /// <summary>Does the work and notes what each process and each statement used meanwhile.</summary>
    /// <param name="done">What was done, once it is.</param>
    /// <param name="isIdle">Nothing is asked of the processes, and so nothing is: counting what they allocate would be most of their work.</param>
    public async Task<Profile> Watch(BenchSystem system, string phase, Func<Task> work, Func<Work>? done = null, bool isIdle = false)
    {
        await SqlUse.Begin(system, cancel);
        await using var allocations = isIdle ? null : await AllocationUse.Watch.Begin(system, cancel);
        var before = CpuUse.Sample(system.HostProcessId);
        await work();
        var use = CpuUse.Between(before, CpuUse.Sample(system.HostProcessId));
        var profile = new Profile(phase, use, await SqlUse.End(system, cancel), allocations?.End(), done?.Invoke());
        Profiles[phase] = profile;
        Console.WriteLine($"    processor during {phase}: {use}");
        return profile;
    }

    public void Skip(string reason)
    {
        Skipped = reason;
        Console.WriteLine($"  {benchmark.Name} is left out: {reason}");
    }

    /// <summary>What the figures are worth; a system that is booted tells it.</summary>
    public void Note(DurabilityFacts durability) => Durability = durability;

    public void Fail(Exception fault)
    {
        Failure = fault.Message;
        Console.Error.WriteLine($"  {benchmark.Name} broke: {fault}");
    }
}
