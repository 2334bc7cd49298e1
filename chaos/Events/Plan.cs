namespace OpsPlatform.Chaos.Events;

/// <summary>Everything that will happen, drawn from the seed before anything does: what the system does meanwhile changes none of it.</summary>
internal static class Plan
{
    public const int FewestEvents = 20;
    private const double EventsPerMinute = 5;

    /// <summary>Few enough to keep to their times on a slow machine, so that the quarters that are compared hold what they should.</summary>
    private const double SoakEventsPerMinute = 2;

    private const double ShortestPauseSeconds = 2;
    private const double LongestPauseSeconds = 8;

    /// <summary>Longer than the lease at the registry: who hangs so long is taken for lost.</summary>
    private const double LostPauseSeconds = 18;

    private const int OnePauseInLost = 5;
    private const double ShortestSlowSeconds = 10;
    private const double LongestSlowSeconds = 18;

    /// <summary>One round holds every injury, kills of every kind of process among them; rounds differ in order and victims.</summary>
    private static readonly Injury[] Round =
    [
        Injury.Kill, Injury.Kill, Injury.Kill, Injury.Kill, Injury.Pause, Injury.Pause,
        Injury.Restart, Injury.CutDatabase, Injury.PauseSession, Injury.CutBroker, Injury.SlowConsumer, Injury.FullQueue,
    ];

    public static IReadOnlyList<PlannedEvent> Of(Options options)
    {
        var random = new Random(options.Seed);
        var length = TimeSpan.FromMinutes(options.Minutes);
        var count = options.Events ?? Math.Max(FewestEvents, (int)(options.Minutes * (options.IsSoak ? SoakEventsPerMinute : EventsPerMinute)));
        var decks = Enum.GetValues<Injury>().ToDictionary(injury => injury, _ => new Queue<string>());
        var servers = new Queue<string>();
        var events = new List<PlannedEvent>();
        while (events.Count < count)
        {
            foreach (var injury in Shuffled(Round, random).Take(count - events.Count))
            {
                var due = length * ((double)events.Count / count);
                // So that a soak compares processes that lived through all it compares.
                var victim = injury == Injury.Kill && options.IsSoak && due >= length / 4
                    ? Draw(servers, () => Shuffled(Victims.Servers, random))
                    : Draw(decks[injury], () => Deck(injury, random));
                events.Add(new(events.Count + 1, due, injury, victim, Duration(injury, random)));
            }
        }

        return events;
    }

    private static string Draw(Queue<string> deck, Func<IEnumerable<string>> refill)
    {
        if (deck.Count == 0)
        {
            foreach (var card in refill())
            {
                deck.Enqueue(card);
            }
        }

        return deck.Dequeue();
    }

    /// <summary>Kills take turns between the kinds of processes.</summary>
    private static IEnumerable<string> Deck(Injury injury, Random random)
    {
        if (injury != Injury.Kill)
        {
            return Shuffled(Victims.Of(injury), random);
        }

        var kinds = new[] { Victims.Singles, Victims.Replicas, Victims.Gateways, Victims.Servers }.Select(kind => Shuffled(kind, random)).ToArray();
        return Enumerable.Range(0, kinds.Max(kind => kind.Length))
            .SelectMany(turn => Shuffled(kinds.Where(kind => kind.Length > turn).Select(kind => kind[turn]).ToArray(), random));
    }

    private static TimeSpan Duration(Injury injury, Random random) => injury switch
    {
        Injury.Pause => random.Next(OnePauseInLost) == 0 ? TimeSpan.FromSeconds(LostPauseSeconds) : Between(ShortestPauseSeconds, LongestPauseSeconds, random),
        Injury.PauseSession or Injury.FullQueue => Between(ShortestPauseSeconds, LongestPauseSeconds, random),
        Injury.SlowConsumer => Between(ShortestSlowSeconds, LongestSlowSeconds, random),
        _ => TimeSpan.Zero,
    };

    private static TimeSpan Between(double fromSeconds, double toSeconds, Random random) =>
        TimeSpan.FromSeconds(Math.Round(fromSeconds + (random.NextDouble() * (toSeconds - fromSeconds)), 1));

    private static T[] Shuffled<T>(IReadOnlyList<T> cards, Random random)
    {
        var shuffled = cards.ToArray();
        random.Shuffle(shuffled);
        return shuffled;
    }
}
