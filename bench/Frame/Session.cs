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

    /// <summary>Where the processor time of the last run's phases went.</summary>
    public Dictionary<string, CpuUse> Cpu { get; } = [];

    /// <summary>Where the database's time of the last run's phases went.</summary>
    public Dictionary<string, SqlUse> Sql { get; } = [];

    public DurabilityFacts? Durability { get; private set; }

    public string? Failure { get; private set; }

    public int RunCount => options.Runs;

    /// <summary>A share of the longest phase.</summary>
    public TimeSpan Phase(double share = 1) => TimeSpan.FromSeconds(Math.Max(1, share * options.Seconds));

    /// <summary>Boots the whole system on fresh data and gives it a while to settle.</summary>
    public async Task<BenchSystem> Boot()
    {
        var system = await BenchSystem.Boot(options.StateDirectory, cancel);
        Durability = await DurabilityFacts.Read(system, cancel);
        // What a start leaves to do, such as the compiler's second look at hot code, is not what is measured.
        await Task.Delay(Phase(1.0 / 6), cancel);
        return system;
    }

    /// <summary>Measures as often as asked for; each run records the same figures.</summary>
    public async Task Repeat(Func<Task> run)
    {
        for (var i = 0; i < options.Runs; i++)
        {
            Console.WriteLine($"  run {i + 1} of {options.Runs}, load average {Machine.LoadAverage()}");
            _runs.Add([]);
            await run();
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

    /// <summary>Does the work and notes which process used how much of a core meanwhile, and which statement how much of the database.</summary>
    public async Task Watch(BenchSystem system, string phase, Func<Task> work)
    {
        await SqlUse.Begin(system, cancel);
        var before = CpuUse.Sample(system.HostProcessId);
        await work();
        var use = CpuUse.Between(before, CpuUse.Sample(system.HostProcessId));
        Sql[phase] = await SqlUse.End(system, cancel);
        Cpu[phase] = use;
        Console.WriteLine($"    processor during {phase}: {use}");
    }

    public void Fail(Exception fault)
    {
        Failure = fault.Message;
        Console.Error.WriteLine($"  {benchmark.Name} broke: {fault}");
    }
}
