using System.Diagnostics;

namespace OpsPlatform.ServiceDefaults.Telemetry;

/// <summary>The trace of work done for several callers at once: it belongs to the first one's, and is linked to the others'.</summary>
public static class SharedWork
{
    /// <param name="traceParents">W3C traceparents of the callers, at least one.</param>
    public static Activity? Start(string name, ActivityKind kind, IEnumerable<string?> traceParents)
    {
        ActivityContext[] callers = [.. traceParents.Select(Context)];
        return TelemetrySetup.Source.StartActivity(name, kind, callers[0], links: callers.Skip(1).Where(caller => caller != default).Select(caller => new ActivityLink(caller)));
    }

    private static ActivityContext Context(string? traceParent) =>
        ActivityContext.TryParse(traceParent, null, isRemote: true, out var context) ? context : default;
}
