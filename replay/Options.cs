using System.Globalization;

namespace OpsPlatform.Replay;

internal enum OpeningStock
{
    /// <summary>What all tickets need and a tenth more, rounded up to whole units.</summary>
    Ample,

    /// <summary>Two fifths of what all tickets need, rounded up to whole units, so that orders are rejected.</summary>
    Tight,
}

internal sealed record Options(
    string DataFolder,
    string? SalesFile,
    string? ReportFile,
    OpeningStock Stock,
    Uri Gateway,
    string? Email,
    string? Password,
    string? Register,
    int Parallel,
    TimeSpan Patience)
{
    public const string Usage = """
        Plays a shop's sales through the public API and checks every figure at the end.

        ./run replay [--data DIR] [--sales FILE] [--report FILE] [--stock ample|tight]
                     [--gateway URL] [--email E --password P] [--register NAME] [--parallel N] [--patience SECONDS]

          --data DIR        folder of the pack (default: the demo pack that comes with the tool)
          --sales FILE      the sales file; without it the one valid sales file in the folder is used
          --report FILE     write the figures there as JSON
          --stock           ample (default): need + 10 %; tight: 40 % of the need, so that orders are rejected
          --gateway URL     default http://localhost:8080
          --email, --password  the login (or OPS_EMAIL, OPS_PASSWORD; default: the demo login)
          --register NAME   register a fresh organisation of that name and use it
          --parallel N      orders in flight, 1 to 256 (default 32)
          --patience SECONDS  give up after so long without progress (default 300)

        Exit: 0 all figures agree, 1 a figure differs, 2 arguments or files refused, 3 the services failed, 130 interrupted.
        """;

    private const string DemoEmail = "demo@opsplatform.local";
    private const string DemoPassword = "Demo-Pass-1234";
    private const int MaximumParallel = 256;

    /// <exception cref="InputException">An argument is unknown, incomplete or out of range.</exception>
    public static Options Parse(string[] args, Func<string, string?> environment)
    {
        var given = new Dictionary<string, string>();
        string[] known = ["data", "sales", "report", "stock", "gateway", "email", "password", "register", "parallel", "patience"];

        for (var i = 0; i < args.Length; i += 2)
        {
            var name = args[i].StartsWith("--", StringComparison.Ordinal) ? args[i][2..] : "";

            if (!known.Contains(name))
            {
                throw new InputException($"Unknown argument '{args[i]}'.\n\n{Usage}");
            }

            if (i + 1 == args.Length)
            {
                throw new InputException($"--{name} needs a value.");
            }

            if (!given.TryAdd(name, args[i + 1]))
            {
                throw new InputException($"--{name} is given twice.");
            }
        }

        var register = given.GetValueOrDefault("register");
        var email = given.GetValueOrDefault("email") ?? NotEmpty(environment("OPS_EMAIL"));
        var password = given.GetValueOrDefault("password") ?? NotEmpty(environment("OPS_PASSWORD"));

        if (email is null != password is null)
        {
            throw new InputException("An e-mail address and a password go together: give both or neither.");
        }

        if (register is not null && string.IsNullOrWhiteSpace(register))
        {
            throw new InputException("--register needs the name of the organisation to make.");
        }

        return new Options(
            given.GetValueOrDefault("data") ?? Path.Combine(AppContext.BaseDirectory, "pack"),
            given.GetValueOrDefault("sales"),
            given.GetValueOrDefault("report"),
            ParseStock(given.GetValueOrDefault("stock")),
            ParseGateway(given.GetValueOrDefault("gateway")),
            email ?? (register is null ? DemoEmail : null),
            password ?? (register is null ? DemoPassword : null),
            register,
            ParseCount(given, "parallel", 32, MaximumParallel),
            TimeSpan.FromSeconds(ParseCount(given, "patience", 300, 86_400)));
    }

    private static string? NotEmpty(string? value) => string.IsNullOrEmpty(value) ? null : value;

    private static OpeningStock ParseStock(string? text) => text switch
    {
        null or "ample" => OpeningStock.Ample,
        "tight" => OpeningStock.Tight,
        _ => throw new InputException($"--stock is 'ample' or 'tight', not '{text}'."),
    };

    private static Uri ParseGateway(string? text) =>
        Uri.TryCreate(text ?? "http://localhost:8080", UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? new Uri(uri.AbsoluteUri.TrimEnd('/') + "/")
            : throw new InputException($"--gateway is an http or https address, not '{text}'.");

    private static int ParseCount(Dictionary<string, string> given, string name, int otherwise, int maximum) =>
        !given.TryGetValue(name, out var text) ? otherwise
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count >= 1 && count <= maximum ? count
        : throw new InputException($"--{name} is a whole number from 1 to {maximum}, not '{text}'.");
}
