using System.Diagnostics;
using System.Text.RegularExpressions;

namespace OpsPlatform.System.Tests;

[Collection(nameof(SystemCollection))]
public sealed partial class ReadmeTests(RunningSystem system)
{
    [Fact]
    public async Task The_quick_start_in_the_README_works_as_pasted()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(RunningSystem.RepositoryRoot, "README.md"));
        var script = JavaScript().Match(readme).Groups["code"].Value;
        script.Length.ShouldBeGreaterThan(500);

        var (exitCode, output) = await Node.Run(["--input-type=module"], script, ("GATEWAY", system.Gateway.ToString().TrimEnd('/')));
        output.ShouldContain("confirmed, 6.6 GBP");
        output.ShouldContain("flour: 870 g left");
        output.ShouldContain("order confirmed on the feed");
        exitCode.ShouldBe(0, output);
    }

    [Fact]
    public async Task The_errors_command_lists_every_service()
    {
        var script = Path.Combine(RunningSystem.RepositoryRoot, "scripts", "errors.mjs");
        var (exitCode, output) = await Node.Run(
            [script, "list"], "", ("OPS_GATEWAY", system.Gateway.ToString()), ("OPS_OPERATOR_KEY", RunningSystem.OperatorKey));
        exitCode.ShouldBe(0, output);
        (await Node.Run([script, "explode"], "")).ExitCode.ShouldBe(2);
        (await Node.Run([script, "list"], "", ("OPS_GATEWAY", system.Gateway.ToString()), ("OPS_OPERATOR_KEY", "wrong"))).ExitCode.ShouldBe(1);
    }

    [GeneratedRegex("```js\n(?<code>.*?)```", RegexOptions.Singleline)]
    private static partial Regex JavaScript();
}

internal static class Node
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    public static async Task<(int ExitCode, string Output)> Run(string[] arguments, string input, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo("node", arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["OPS_OPERATOR_KEY"] = "none";
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var node = Process.Start(start)!;
        using var timeout = new CancellationTokenSource(Timeout);
        await node.StandardInput.WriteAsync(input);
        node.StandardInput.Close();
        var output = node.StandardOutput.ReadToEndAsync(timeout.Token);
        var errors = node.StandardError.ReadToEndAsync(timeout.Token);
        await node.WaitForExitAsync(timeout.Token);
        return (node.ExitCode, await output + await errors);
    }
}
