using System.Globalization;

namespace OpsPlatform.Bench;

/// <param name="Names">Benchmarks to run, in their own order; empty for all.</param>
/// <param name="Runs">How often each is measured; the median is told.</param>
/// <param name="Seconds">Of the longest measured phase; the others are fractions of it.</param>
/// <param name="IsQuick">Tries it out: one short run, and nothing is written.</param>
/// <param name="StateDirectory">Where the benched system keeps its data while it runs.</param>
internal sealed record Options(IReadOnlyList<string> Names, int Runs, double Seconds, bool IsQuick, string StateDirectory)
{
    private const int DefaultRuns = 3;
    private const int DefaultSeconds = 60;
    private const int QuickSeconds = 4;
    private const int MaxRuns = 20;
    private const int MaxSeconds = 600;

    /// <exception cref="ArgumentException">The arguments are not understood; the message is for whoever typed them.</exception>
    public static Options Parse(string[] args, IReadOnlyCollection<string> known)
    {
        var names = new List<string>();
        int? runs = null;
        int? seconds = null;
        var isQuick = false;
        var state = Path.Combine(Path.GetTempPath(), "opsplatform-bench");
        for (var i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--quick":
                    isQuick = true;
                    break;
                case "--runs":
                    runs = Number(args, ++i, MaxRuns);
                    break;
                case "--seconds":
                    seconds = Number(args, ++i, MaxSeconds);
                    break;
                case "--state" when i + 1 < args.Length:
                    state = args[++i];
                    break;
                case var name when known.Contains(name):
                    names.Add(name);
                    break;
                default:
                    throw new ArgumentException($"'{args[i]}' is no benchmark and no option. Benchmarks: {string.Join(", ", known)}. Options: --quick, --runs N, --seconds S.");
            }
        }

        return new(names, runs ?? (isQuick ? 1 : DefaultRuns), seconds ?? (isQuick ? QuickSeconds : DefaultSeconds), isQuick, state);
    }

    private static int Number(string[] args, int at, int max) =>
        at < args.Length && int.TryParse(args[at], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= max
            ? number
            : throw new ArgumentException($"{args[at - 1]} takes a whole number from 1 to {max}.");
}
