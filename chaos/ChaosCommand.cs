using OpsPlatform.Bench.Frame;
using OpsPlatform.Chaos.Running;
using OpsPlatform.Chaos.Watch;
using OpsPlatform.Replay;

namespace OpsPlatform.Chaos;

/// <summary>The whole tool behind its command line.</summary>
internal static class ChaosCommand
{
    public const int Holds = 0;
    public const int Violated = 1;
    public const int Refused = 2;
    public const int Interrupted = 130;

    /// <summary>Boots a system of its own and breaks it.</summary>
    public static async Task<int> Run(string[] args, TextWriter output, CancellationToken cancel)
    {
        if (args is ["--help" or "-h" or "help"])
        {
            output.WriteLine(Options.Usage);
            return Holds;
        }

        Options options;
        try
        {
            options = Options.Parse(args);
        }
        catch (ArgumentException refusal)
        {
            output.WriteLine(refusal.Message);
            return Refused;
        }

        try
        {
            output.WriteLine($"Seed {options.Seed}. The same again: {options.Command}");
            await using var system = await BenchSystem.Boot(options.StateDirectory, cancel);
            output.WriteLine($"Everything is healthy after {system.HealthyAfter.TotalSeconds:0.0} s at {system.Gateway}; logs: {options.StateDirectory}/logs");
            var code = await Run(options, Target.Of(system, options.StateDirectory), output, cancel);
            if (code == Violated)
            {
                output.WriteLine($"The logs are kept in {Evidence.Keep(options)}");
            }

            return code;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            output.WriteLine("Interrupted; what it started is stopped.");
            return Interrupted;
        }
    }

    /// <summary>Breaks a system that runs already.</summary>
    public static async Task<int> Run(Options options, Target target, TextWriter output, CancellationToken cancel)
    {
        try
        {
            return await new ChaosRun(options, target, output).Run(cancel) ? Holds : Violated;
        }
        catch (Exception fault) when (!cancel.IsCancellationRequested && fault is
            ServicesException or InvalidOperationException or HttpRequestException or TimeoutException or OperationCanceledException or Npgsql.NpgsqlException)
        {
            output.WriteLine($"VIOLATED: {fault.Message}\nThe same again: {options.Command}");
            return Violated;
        }
    }
}
