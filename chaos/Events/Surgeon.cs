using OpsPlatform.Chaos.Invariants;
using OpsPlatform.Chaos.Running;

namespace OpsPlatform.Chaos.Events;

/// <summary>Does to the system what was planned, and undoes what lasts.</summary>
internal sealed class Surgeon(Target target, BrokerApi broker, Books books)
{
    private const string Policy = "chaos-full";
    private const int MostLooks = 30;
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(1);

    /// <summary>The own session is the one that asks; the server's workers have no database of their own to be named by.</summary>
    private const string SessionsSql =
        "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend' AND application_name <> 'chaos' ORDER BY state = 'active' DESC, pid";

    /// <returns>What was done, in words, and the process that must be replaced by another before the victim is back.</returns>
    public async Task<(string Done, int? Ended)> Injure(PlannedEvent planned, CancellationToken cancel)
    {
        switch (planned.Injury)
        {
            case Injury.Kill:
                return ($"killed process {End(planned.Victim, Signals.Kill, out var killed)}", killed);
            case Injury.Restart:
                // Interrupt is PostgreSQL's fast shutdown; told to terminate it would wait for its clients to leave.
                return ($"told process {End(planned.Victim, planned.Victim == Victims.Database ? Signals.Interrupt : Signals.Terminate, out var told)} to stop", told);
            case Injury.Pause or Injury.SlowConsumer:
                var process = ProcessOf(planned.Victim);
                await HoldOne([process], planned.Duration, cancel);
                return ($"held process {process} for {planned.Duration.TotalSeconds:0.0} s", null);
            case Injury.PauseSession:
                return ($"held session {await HoldOne(await Sessions(planned.Victim, cancel), planned.Duration, cancel)} for {planned.Duration.TotalSeconds:0.0} s", null);
            case Injury.CutDatabase:
                var sessions = await Sessions(planned.Victim, cancel);
                await books.Read("postgres", "SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) pid", row => row.GetBoolean(0), cancel, sessions.ToArray());
                return ($"ended {sessions.Count} sessions", null);
            case Injury.CutBroker:
                return ($"closed {await Cut(planned.Victim, cancel)} connections", null);
            case Injury.FullQueue:
                await Fill(planned.Victim, planned.Duration, cancel);
                return ($"full for {planned.Duration.TotalSeconds:0.0} s", null);
            default:
                throw new ArgumentOutOfRangeException(nameof(planned));
        }
    }

    private int ProcessOf(string victim) =>
        target.Find(victim)?.ProcessId ?? throw new InvalidOperationException($"{victim} has no process.");

    private int End(string victim, int signal, out int? ended)
    {
        var process = ProcessOf(victim);
        ended = Signals.Send(process, signal) ? process : throw new InvalidOperationException($"Process {process} of {victim} took no signal.");
        return process;
    }

    /// <summary>Sessions come and go: the first that is still there.</summary>
    private static async Task<int> HoldOne(List<int> processes, TimeSpan duration, CancellationToken cancel)
    {
        foreach (var process in processes)
        {
            if (await TryHold(process, duration, cancel))
            {
                return process;
            }
        }

        throw new InvalidOperationException("There is no process to hold.");
    }

    /// <returns>False when the process is gone.</returns>
    private static async Task<bool> TryHold(int process, TimeSpan duration, CancellationToken cancel)
    {
        if (!Signals.Send(process, Signals.Stop))
        {
            return false;
        }

        try
        {
            await Task.Delay(duration, cancel);
            return true;
        }
        finally
        {
            Signals.Send(process, Signals.Continue);
        }
    }

    private Task<List<int>> Sessions(string database, CancellationToken cancel) =>
        books.Read("postgres", SessionsSql, row => row.GetInt32(0), cancel, database);

    private async Task<int> Cut(string victim, CancellationToken cancel)
    {
        var process = victim == Victims.Everybody ? (int?)null : ProcessOf(victim);
        for (var attempt = 0; attempt < MostLooks; attempt++)
        {
            var open = (await broker.Connections(cancel)).Where(connection => process is null || connection.ProcessId == process).ToList();
            foreach (var (name, _) in open)
            {
                await broker.Close(name, cancel);
            }

            if (open.Count > 0)
            {
                return open.Count;
            }

            // A connection just made may not be listed yet.
            await Task.Delay(BetweenLooks, cancel);
        }

        throw new InvalidOperationException($"{victim} has no connection to the broker.");
    }

    private async Task Fill(string queue, TimeSpan duration, CancellationToken cancel)
    {
        await broker.Fill(Policy, $"^{queue.Replace(".", "\\.")}", cancel);
        try
        {
            await Task.Delay(duration, cancel);
        }
        finally
        {
            await broker.Unfill(Policy, CancellationToken.None);
        }
    }
}
