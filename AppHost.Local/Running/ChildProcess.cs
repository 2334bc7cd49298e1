using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;

namespace Aspire.Hosting.Running;

/// <summary>A process that dies with the host, even when the host is killed, and whose descendants die with it.</summary>
internal sealed class ChildProcess
{
    private static readonly BlockingCollection<Action> _launches = StartLauncher();

    private readonly ProcessSpec _spec;
    private readonly TaskCompletionSource<int> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ChildProcess(ProcessSpec spec, int id)
    {
        _spec = spec;
        Id = id;
    }

    public int Id { get; }

    /// <summary>The exit code; 128 plus the signal when a signal ended it.</summary>
    public Task<int> Exited => _exited.Task;

    public static Task<ChildProcess> StartAsync(ProcessSpec spec, string marker, Action<string> onLine) =>
        LaunchAsync(spec, () => Start(spec, marker, onLine));

    /// <summary>Runs a program that ends by itself; throws with its output when it fails.</summary>
    public static async Task RunAsync(ProcessSpec spec, string marker, string input, CancellationToken cancel)
    {
        var lines = new ConcurrentQueue<string>();
        using var process = await LaunchAsync(spec, () => Process.Start(Describe(spec, marker))!);
        var output = Task.WhenAll(ReadAsync(process.StandardOutput, lines.Enqueue), ReadAsync(process.StandardError, lines.Enqueue));
        await process.StandardInput.WriteAsync(input.AsMemory(), cancel);
        process.StandardInput.Close();
        await process.WaitForExitAsync(cancel);
        await output;
        if (process.ExitCode != 0)
        {
            throw new DistributedApplicationException(
                $"{Path.GetFileName(spec.FileName)} ended with {process.ExitCode}: {string.Join(Environment.NewLine, lines)}");
        }
    }

    public async Task StopAsync()
    {
        Posix.Send(Id, _spec.StopSignal);
        await Task.WhenAny(Exited, Task.Delay(_spec.StopGrace));
        if (!Exited.IsCompleted)
        {
            Posix.Send(-Id, Signal.Kill);
        }

        await Exited;
    }

    private static ProcessStartInfo Describe(ProcessSpec spec, string marker)
    {
        var start = new ProcessStartInfo("setsid")
        {
            WorkingDirectory = spec.WorkingDirectory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // Its own session, so that Ctrl-C reaches the host only and the group can be killed as one.
        var deathSignal = spec.StopSignal switch { Signal.Interrupt => "INT", Signal.Kill => "KILL", _ => "TERM" };
        string[] account = spec.Account is { } user ? ["--reuid", user.Name, "--regid", $"{user.GroupId}", "--clear-groups"] : [];
        foreach (var argument in (string[])["setpriv", "--pdeathsig", deathSignal, .. account, "--", spec.FileName, .. spec.Arguments])
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment.Clear();
        foreach (var (name, value) in spec.Environment)
        {
            start.Environment[name] = value;
        }

        start.Environment[Leftovers.Variable] = marker;
        return start;
    }

    private static ChildProcess Start(ProcessSpec spec, string marker, Action<string> onLine)
    {
        var process = new Process { StartInfo = Describe(spec, marker), EnableRaisingEvents = true };
        // Not WaitForExit: that waits for the end of the output, which a descendant may hold open.
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        process.Exited += (_, _) => ended.SetResult();
        process.Start();
        process.StandardInput.Close();
        var child = new ChildProcess(spec, process.Id);
        var output = Task.WhenAll(ReadAsync(process.StandardOutput, onLine), ReadAsync(process.StandardError, onLine));
        _ = child.CompleteAsync(process, ended.Task, output, marker);
        return child;
    }

    private static Task<T> LaunchAsync<T>(ProcessSpec spec, Func<T> start)
    {
        var started = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _launches.Add(() =>
        {
            try
            {
                started.SetResult(start());
            }
            catch (Exception e) when (e is Win32Exception or IOException)
            {
                started.SetException(new DistributedApplicationException($"Cannot start '{spec.FileName}': {e.Message}", e));
            }
        });
        return started.Task;
    }

    private async Task CompleteAsync(Process process, Task ended, Task output, string marker)
    {
        await ended;
        var exitCode = process.ExitCode;
        await Leftovers.EndAsync(marker, _spec.DataDirectory);
        await Task.WhenAny(output, Task.Delay(TimeSpan.FromSeconds(1)));
        process.Dispose();
        _exited.SetResult(exitCode);
    }

    private static async Task ReadAsync(StreamReader reader, Action<string> onLine)
    {
        try
        {
            while (await reader.ReadLineAsync() is { } line)
            {
                onLine(line);
            }
        }
        catch (Exception e) when (e is ObjectDisposedException or IOException or OperationCanceledException)
        {
            // The process is gone and its output with it.
        }
    }

    private static BlockingCollection<Action> StartLauncher()
    {
        var launches = new BlockingCollection<Action>();
        // Linux sends the parent-death signal when the *thread* that made the child ends, and pool threads end when idle.
        new Thread(() =>
        {
            foreach (var launch in launches.GetConsumingEnumerable())
            {
                launch();
            }
        })
        { IsBackground = true, Name = "process launcher" }.Start();
        return launches;
    }
}
