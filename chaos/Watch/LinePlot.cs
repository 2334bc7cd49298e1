using System.Globalization;
using System.Text;

namespace OpsPlatform.Chaos.Watch;

/// <summary>Values over time as SVG, a line each, with the second and the last quarter marked.</summary>
internal static class LinePlot
{
    private const int Width = 860;
    private const int Height = 360;
    private const int Left = 60;
    private const int Right = 150;
    private const int Top = 44;
    private const int Bottom = 34;
    private const int Ticks = 5;
    private static readonly string[] Colours =
        ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb", "#222222", "#ee8866", "#44bb99"];

    public static string Of(string title, IReadOnlyList<Series> lines)
    {
        var until = lines.SelectMany(line => line.Points).Max(point => point.Seconds);
        var most = Math.Max(1, lines.SelectMany(line => line.Points).Max(point => point.Value) * 1.05);
        double X(double seconds) => Left + (seconds / until * (Width - Left - Right));
        double Y(double value) => Height - Bottom - (value / most * (Height - Top - Bottom));
        var svg = new StringBuilder();
        foreach (var quarter in (double[])[0.25, 0.75])
        {
            Add(svg, $"""<rect x="{X(until * quarter):0.0}" y="{Top}" width="{X(until / 4) - Left:0.0}" height="{Height - Top - Bottom}" fill="#f2f2f2"/>""");
        }

        for (var tick = 0; tick <= Ticks; tick++)
        {
            var (value, seconds) = (most * tick / Ticks, until * tick / Ticks);
            Add(svg, $"""<line x1="{Left}" x2="{Width - Right}" y1="{Y(value):0.0}" y2="{Y(value):0.0}" stroke="#ddd"/><text x="{Left - 6}" y="{Y(value) + 4:0.0}" text-anchor="end">{value:0}</text>""");
            Add(svg, $"""<text x="{X(seconds):0.0}" y="{Height - 14}" text-anchor="middle">{seconds / 60:0} min</text>""");
        }

        for (var i = 0; i < lines.Count; i++)
        {
            var colour = Colours[i % Colours.Length];
            var path = string.Join(' ', lines[i].Points.Select(point => string.Create(CultureInfo.InvariantCulture, $"{X(point.Seconds):0.0},{Y(point.Value):0.0}")));
            Add(svg, $"""<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.3"/>""");
            Add(svg, $"""<rect x="{Width - Right + 12}" y="{Top + (18 * i)}" width="10" height="10" fill="{colour}"/><text x="{Width - Right + 28}" y="{Top + 9 + (18 * i)}">{lines[i].Name}</text>""");
        }

        return $"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {Height}" width="{Width}" font-family="sans-serif" font-size="11">
            <rect width="100%" height="100%" fill="white"/>
            <text x="12" y="18" font-weight="bold" font-size="12">{title}{(lines[0].Unit.Length == 0 ? "" : $" ({lines[0].Unit})")}</text><text x="12" y="34" fill="#555">grey: the second and the last quarter</text>
            {svg}
            </svg>

            """;
    }

    private static void Add(StringBuilder svg, FormattableString part) => svg.Append(FormattableString.Invariant(part)).Append('\n');
}
