namespace Aspire.Hosting.Running;

/// <summary>Everything needed to start one process.</summary>
internal sealed record ProcessSpec(string FileName, IReadOnlyList<string> Arguments, string WorkingDirectory)
{
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>Who it runs as; null is the current user.</summary>
    public Account? Account { get; init; }

    /// <summary>What asks it to stop.</summary>
    public Signal StopSignal { get; init; } = Signal.Terminate;

    /// <summary>How long it may take to stop before it is killed.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Processes working in this folder belong to it, whatever became of their environment.</summary>
    public string? DataDirectory { get; init; }
}
