using System.Diagnostics;
using System.Text.RegularExpressions;

namespace OpsPlatform.System.Tests;

[Collection(nameof(SystemCollection))]
public sealed partial class ReadmeTests(RunningSystem system)
{
    [Fact]
    public async Task The_quick_start_in_the_README_works_as_pasted()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "README.md"));
        var script = JavaScript().Match(readme).Groups["code"].Value;
        script.Length.ShouldBeGreaterThan(500);

        var (exitCode, output) = await Command.Run("node", ["--input-type=module"], script, ("GATEWAY", system.Gateway.ToString().TrimEnd('/')));
        output.ShouldContain("confirmed, 6.6 GBP");
        output.ShouldContain("flour: 870 g left");
        output.ShouldContain("order confirmed on the feed");
        exitCode.ShouldBe(0, output);
    }

    [Fact]
    public async Task The_lines_that_make_an_API_key_and_use_it_work_as_pasted()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "README.md"));
        var lines = Shell().Matches(readme).Select(match => match.Groups["code"].Value).Single(code => code.Contains("/identity/api-keys", StringComparison.Ordinal));
        var (exitCode, output) = await Command.Run("bash", ["-eu"], lines, ("GATEWAY", system.Gateway.ToString().TrimEnd('/')));
        exitCode.ShouldBe(0, output);
        output.ShouldStartWith("{\"items\":[");
    }

    [Fact]
    public async Task The_errors_command_lists_every_service()
    {
        var script = Path.Combine(Repository.Root, "scripts", "errors.mjs");
        var (exitCode, output) = await Command.Run(
            "node", [script, "list"], "", ("OPS_GATEWAY", system.Gateway.ToString()), ("OPS_OPERATOR_KEY", RunningSystem.OperatorKey));
        exitCode.ShouldBe(0, output);
        (await Command.Run("node", [script, "explode"], "")).ExitCode.ShouldBe(2);
        (await Command.Run("node", [script, "list"], "", ("OPS_GATEWAY", system.Gateway.ToString()), ("OPS_OPERATOR_KEY", "wrong"))).ExitCode.ShouldBe(1);
    }

    [GeneratedRegex("```js\n(?<code>.*?)```", RegexOptions.Singleline)]
    private static partial Regex JavaScript();

    [GeneratedRegex("```sh\n(?<code>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Shell();
}

internal static class Command
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    public static async Task<(int ExitCode, string Output)> Run(string program, string[] arguments, string input, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["OPS_OPERATOR_KEY"] = "none";
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        using var timeout = new CancellationTokenSource(Timeout);
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync(timeout.Token);
        var errors = process.StandardError.ReadToEndAsync(timeout.Token);
        await process.WaitForExitAsync(timeout.Token);
        return (process.ExitCode, await output + await errors);
    }
}
