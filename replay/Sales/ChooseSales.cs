using OpsPlatform.Replay.Pack;

namespace OpsPlatform.Replay.Sales;

/// <summary>Finds the one sales file to play: the named one, or the only valid one in the pack's folder.</summary>
internal static class ChooseSales
{
    private static readonly string[] PackFiles = [ReadPack.IngredientsFile, ReadPack.ItemMapFile];

    /// <summary>Says of every candidate whether it is accepted, and if not, why and where.</summary>
    /// <exception cref="InputException">No candidate or more than one is valid; the message says what to do.</exception>
    /// <exception cref="FileRefusedException">The named file is not valid.</exception>
    public static IReadOnlyList<Ticket> From(string folder, string? named, BakeryPack pack, TextWriter output)
    {
        if (named is not null)
        {
            var tickets = ReadSales.From(named, pack.Items);
            output.WriteLine($"Sales: {Path.GetFileName(named)}, {tickets.Count:N0} tickets.");

            return tickets;
        }

        var accepted = new List<(string Path, IReadOnlyList<Ticket> Tickets)>();
        var candidates = Directory.EnumerateFiles(folder, "*.csv").Where(path => !PackFiles.Contains(Path.GetFileName(path)));

        foreach (var path in candidates.Order(StringComparer.Ordinal))
        {
            try
            {
                accepted.Add((path, ReadSales.From(path, pack.Items)));
                output.WriteLine($"Sales: {Path.GetFileName(path)} accepted, {accepted[^1].Tickets.Count:N0} tickets.");
            }
            catch (FileRefusedException refused)
            {
                output.WriteLine($"Sales: refused: {refused.Message}");
            }
        }

        return accepted switch
        {
            [var only] => only.Tickets,
            [] => throw new InputException($"No valid sales file in '{folder}'. Repair one of them, or name one with --sales FILE (docs/packs.md has the formats)."),
            _ => throw new InputException(
                $"{accepted.Count} valid sales files in '{folder}': {string.Join(", ", accepted.Select(a => Path.GetFileName(a.Path)))}. Choose one with --sales FILE."),
        };
    }
}
