using System.Globalization;

namespace OpsPlatform.Chaos;

/// <param name="Seed">Decides what happens to whom, in which order and for how long, and what callers do.</param>
/// <param name="Minutes">How long events go on.</param>
/// <param name="Events">How many there are; null for as many as fit, 20 at least.</param>
/// <param name="StateDirectory">Where the system keeps its data while it runs, and its logs.</param>
internal sealed record Options(int Seed, int Minutes, int? Events, string StateDirectory)
{
    public const string Usage = """
        Breaks a system of its own while shops work in it, and checks that nothing was lost, doubled or mixed up.

        ./run chaos [--seed N] [--minutes M] [--events E]

          --seed N      the same seed, the same events (default: by chance; it is printed)
          --minutes M   how long things break, 1 to 240 (default 5); from 20 on memory, connections and queues are judged and SOAK.md is written
          --events E    exactly so many events, 1 to 2000 (default: as many as fit, 20 at least)

        Exit: 0 everything holds, 1 something does not, 2 arguments refused, 130 interrupted.
        """;

    /// <summary>From this length on a run is a soak: services are killed in its first quarter only, and what they use must stay flat.</summary>
    public const int SoakMinutes = 20;

    private const int DefaultMinutes = 5;
    private const int MaxMinutes = 240;
    private const int MaxEvents = 2_000;

    public bool IsSoak => Minutes >= SoakMinutes;

    /// <summary>What to type to have the same happen again.</summary>
    public string Command => $"./run chaos --seed {Seed} --minutes {Minutes}{(Events is { } events ? $" --events {events}" : "")}";

    /// <exception cref="ArgumentException">The arguments are not understood; the message is for whoever typed them.</exception>
    public static Options Parse(string[] args)
    {
        var given = new Dictionary<string, string>();
        for (var i = 0; i < args.Length; i += 2)
        {
            if (args[i] is not ("--seed" or "--minutes" or "--events" or "--state"))
            {
                throw new ArgumentException($"Unknown argument '{args[i]}'.\n\n{Usage}");
            }

            if (i + 1 == args.Length)
            {
                throw new ArgumentException($"{args[i]} needs a value.");
            }

            if (!given.TryAdd(args[i], args[i + 1]))
            {
                throw new ArgumentException($"{args[i]} is given twice.");
            }
        }

        return new(
            Number(given, "--seed", 0, int.MaxValue) ?? Random.Shared.Next(1, 1_000_000),
            Number(given, "--minutes", 1, MaxMinutes) ?? DefaultMinutes,
            Number(given, "--events", 1, MaxEvents),
            given.GetValueOrDefault("--state") ?? Path.Combine(Path.GetTempPath(), "opsplatform-chaos"));
    }

    private static int? Number(Dictionary<string, string> given, string name, int min, int max) =>
        !given.TryGetValue(name, out var text) ? null
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max ? number
        : throw new ArgumentException($"{name} is a whole number from {min} to {max}, not '{text}'.");
}
