using OpsPlatform.ServiceDefaults.Hops;

namespace OpsPlatform.Orders.Story;

/// <summary>Everything that happened to an order, request by request.</summary>
/// <param name="Missing">Services that did not answer in time: what they did is not told.</param>
internal sealed record OrderStory(Guid OrderId, IReadOnlyList<RequestStory> Requests, IReadOnlyList<string> Missing)
{
    /// <summary>What stands first when two steps bear the same time.</summary>
    private static readonly string[] Order = ["received", "captured", "written", "waiting", "sent", "heard", "relayed", "appended", "delivered"];

    /// <summary>Puts the services' steps together. A step of no request of the order's own, such as a change made for a group of orders, goes to the last request before it.</summary>
    /// <param name="requests">The correlation ids of what was asked about the order.</param>
    public static OrderStory Of(Guid orderId, IReadOnlyCollection<Guid> requests, IEnumerable<Hop> hops, IReadOnlyList<string> missing)
    {
        Hop[] inOrder =
        [
            .. hops.DistinctBy(hop => (hop.Service, hop.What, hop.Name, hop.CorrelationId, hop.MessageId, hop.Listener))
                .OrderBy(hop => hop.At).ThenBy(hop => Array.IndexOf(Order, hop.What)),
        ];
        var begins = inOrder.Where(hop => hop.CorrelationId is { } id && requests.Contains(id))
            .GroupBy(hop => hop.CorrelationId!.Value).Select(group => (Id: group.Key, group.First().At)).OrderBy(request => request.At).ToArray();
        return new(
            orderId,
            [.. inOrder.GroupBy(hop => RequestOf(hop, begins)).OrderBy(group => group.First().At).Select(group => RequestStory.Of(group.Key, [.. group]))],
            missing);
    }

    private static Guid? RequestOf(Hop hop, (Guid Id, DateTimeOffset At)[] begins) =>
        hop.CorrelationId is { } own && begins.Any(request => request.Id == own)
            ? own
            : begins.LastOrDefault(request => request.At <= hop.At) is { Id: var id } && id != Guid.Empty ? id : null;
}

/// <summary>What one request about the order caused.</summary>
/// <param name="DurationMs">From its first step to its last.</param>
internal sealed record RequestStory(Guid? CorrelationId, string? TraceId, DateTimeOffset BeganAt, double DurationMs, IReadOnlyList<StoryStep> Steps)
{
    public static RequestStory Of(Guid? correlationId, IReadOnlyList<Hop> hops)
    {
        var beganAt = hops[0].At;
        return new(
            correlationId,
            hops.Select(hop => hop.TraceId).FirstOrDefault(trace => trace is not null),
            beganAt,
            Ms(hops[^1].At - beganAt),
            [.. hops.Select((hop, n) => StoryStep.Of(hop, n == 0 ? beganAt : hops[n - 1].At, beganAt))]);
    }

    /// <summary>To the microsecond, as the database's clock tells it.</summary>
    public static double Ms(TimeSpan time) => Math.Round(time.TotalMilliseconds, 3);
}

/// <param name="What">received, captured, written, waiting, sent, heard, relayed, appended or delivered; as in /{service}/hops.</param>
/// <param name="At">UTC. Services on several machines go by several clocks.</param>
/// <param name="DurationMs">Since the step before.</param>
/// <param name="SinceRequestMs">Since the request's first step.</param>
internal sealed record StoryStep(
    string Service,
    string What,
    string Name,
    DateTimeOffset At,
    double DurationMs,
    double SinceRequestMs,
    Guid? MessageId,
    Guid? CorrelationId,
    Guid? CausationId,
    string? TraceId,
    string? Listener,
    string? EntityId,
    long? Position)
{
    public static StoryStep Of(Hop hop, DateTimeOffset previous, DateTimeOffset beganAt) => new(
        hop.Service, hop.What, hop.Name, hop.At, RequestStory.Ms(hop.At - previous), RequestStory.Ms(hop.At - beganAt),
        hop.MessageId, hop.CorrelationId, hop.CausationId, hop.TraceId, hop.Listener, hop.EntityId, hop.Position);
}
