namespace OpsPlatform.Analytics.Rebuilds;

internal enum RebuildState
{
    Waiting,
    Running,
    Succeeded,
    Failed,
}

internal enum RebuildStep
{
    Settings,
    Orders,
    Consumption,
    Settling,
    Comparing,
    Done,
}

/// <summary>One counting of an organisation from zero. It goes on where it stands, whoever works on it.</summary>
internal sealed class Rebuild
{
    public Guid OrgId { get; init; }

    public Guid Id { get; init; }

    /// <summary>What it fills.</summary>
    public int Generation { get; init; }

    public RebuildState State { get; set; }

    public RebuildStep Step { get; set; }

    /// <summary>Where the next page of the step begins; null for the first.</summary>
    public string? Cursor { get; set; }

    public long OrdersDone { get; set; }

    public long? OrdersTotal { get; set; }

    public long ConsumptionDone { get; set; }

    public long? ConsumptionTotal { get; set; }

    public bool? IsEqual { get; set; }

    public string? RequestedBy { get; init; }

    public DateTimeOffset RequestedAt { get; init; }

    public DateTimeOffset? StartedAt { get; set; }

    public DateTimeOffset? FinishedAt { get; set; }

    public string? Error { get; set; }

    public long RowVersion { get; private set; }

    public bool IsOver => State is RebuildState.Succeeded or RebuildState.Failed;

    public void GoTo(RebuildStep step)
    {
        Step = step;
        Cursor = null;
    }

    public void End(RebuildState state, DateTimeOffset now, string? error = null)
    {
        State = state;
        FinishedAt = now;
        Error = error;
    }
}

/// <param name="Id">The operation's too, which can be watched and cancelled at /operations/{id}.</param>
/// <param name="Step">settings, orders, consumption, settling (waiting for messages on their way), comparing or done.</param>
/// <param name="Done">Orders read from both exports so far.</param>
/// <param name="Total">Orders both exports held when they were begun; null until they were asked.</param>
/// <param name="Percent">100 once it has succeeded.</param>
/// <param name="IsEqual">Whether what was shown before equals what was counted anew; null until compared.</param>
internal sealed record RebuildResponse(
    Guid Id,
    RebuildState State,
    RebuildStep Step,
    long Done,
    long? Total,
    int Percent,
    bool? IsEqual,
    string? RequestedBy,
    DateTimeOffset RequestedAt,
    DateTimeOffset? StartedAt,
    DateTimeOffset? FinishedAt,
    string? Error,
    long RowVersion)
{
    public static RebuildResponse Of(Rebuild x)
    {
        var done = x.OrdersDone + x.ConsumptionDone;
        var total = x.OrdersTotal + x.ConsumptionTotal;
        // Orders decided meanwhile may be read too: never more than all, and not all before it is over.
        var percent = x.State == RebuildState.Succeeded ? 100 : total is > 0 ? (int)Math.Min(99, done * 100 / total.Value) : 0;
        return new(
            x.Id, x.State, x.Step, done, total, percent, x.IsEqual, x.RequestedBy, x.RequestedAt, x.StartedAt, x.FinishedAt, x.Error, x.RowVersion);
    }
}
