using System.Text;

namespace OpsPlatform.Bench.Frame;

/// <summary>One figure as SVG: a bar a run for each of its values, the limit of that run as a thin line, the goal as a dashed one.</summary>
internal static class Plot
{
    private const int Width = 720;
    private const int Left = 90;
    private const int Right = 90;
    private const int Top = 46;
    private const int Bar = 12;
    private const int Gap = 14;

    public static string Of(IReadOnlyList<Figure> runs)
    {
        var first = runs[0];
        // A limit far beyond would press the bars flat; it is then told in words.
        var most = runs.SelectMany(run => run.Values).Max(value => Math.Max(value.Value, value.Goal?.Value ?? 0)) is > 0 and var top ? top * 1.05 : 1;
        var scale = runs.SelectMany(run => run.Values).Max(value => value.Limit) is { } limit && limit <= 4 * most ? Math.Max(most, limit * 1.02) : most;
        double X(double value) => Left + (Math.Min(value, scale) / scale * (Width - Left - Right));
        var svg = new StringBuilder();
        var y = Top;
        for (var i = 0; i < first.Values.Count; i++)
        {
            var start = y;
            foreach (var value in runs.Select(run => run.Values[i]).Where(value => double.IsFinite(value.Value)))
            {
                svg.Append($"""<rect x="{Left}" y="{y}" width="{X(value.Value) - Left:0.0}" height="{Bar - 2}" fill="#4477aa"/>""");
                svg.Append($"""<text x="{X(value.Value) + 4:0.0}" y="{y + Bar - 3}" font-size="10">{Number.Text(value.Value)}</text>""");
                if (value.Limit is { } beside && beside <= scale)
                {
                    svg.Append($"""<line x1="{X(beside):0.0}" x2="{X(beside):0.0}" y1="{y}" y2="{y + Bar - 2}" stroke="#aa3377" stroke-width="2"/>""");
                }

                y += Bar;
            }

            svg.Append($"""<text x="{Left - 8}" y="{(start + y) / 2 + 3}" text-anchor="end">{Escape(first.Values[i].Label)}</text>""");
            if (first.Values[i].Goal is { } goal)
            {
                svg.Append($"""<line x1="{X(goal.Value):0.0}" x2="{X(goal.Value):0.0}" y1="{start - 3}" y2="{y + 1}" stroke="#228833" stroke-dasharray="3 2"/>""");
            }

            y += Gap;
        }

        var legend = $"{first.Unit}; a bar a run{(first.LimitName is null ? "" : $"; purple: {first.LimitName}")}; green: goal";
        return $"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {y + 8}" width="{Width}" font-family="sans-serif" font-size="12">
            <rect width="100%" height="100%" fill="white"/>
            <text x="12" y="18" font-weight="bold">{Escape(first.Name)}</text><text x="12" y="34" font-size="10" fill="#555">{Escape(legend)}</text>
            {svg}
            </svg>

            """;
    }

    private static string Escape(string text) => text.Replace("&", "&amp;").Replace("<", "&lt;");
}
