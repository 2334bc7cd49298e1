namespace OpsPlatform.Chaos.Events;

/// <summary>What can happen to a running system.</summary>
internal enum Injury
{
    /// <summary>kill -9 of a process.</summary>
    Kill,

    /// <summary>A process hangs (SIGSTOP) and goes on later.</summary>
    Pause,

    /// <summary>The broker or the database is told to stop in good order; the host starts it again.</summary>
    Restart,

    /// <summary>Every session of one service's database is ended by the server.</summary>
    CutDatabase,

    /// <summary>One session of a service's database hangs, with whatever locks it holds.</summary>
    PauseSession,

    /// <summary>The broker closes the connections of a process, or of all.</summary>
    CutBroker,

    /// <summary>Who empties a queue hangs for long, while others go on filling it.</summary>
    SlowConsumer,

    /// <summary>The broker refuses what is published to some queues.</summary>
    FullQueue,
}

/// <param name="Due">From the run's start.</param>
/// <param name="Victim">A process, a database or a queue; see <see cref="Victims"/>.</param>
/// <param name="Duration">Of what lasts; zero otherwise.</param>
internal sealed record PlannedEvent(int Number, TimeSpan Due, Injury Injury, string Victim, TimeSpan Duration);
