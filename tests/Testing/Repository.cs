using System.Text.RegularExpressions;

namespace OpsPlatform.Testing;

/// <summary>The checkout the tests run in.</summary>
public static partial class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>As their folders and assemblies are called.</summary>
    public static IReadOnlyList<string> Services { get; } =
        [.. Directory.GetDirectories(Path.Combine(Root, "services")).Select(folder => Path.GetFileName(folder)!).Order()];

    /// <summary>As they are called in paths, resources and databases.</summary>
    public static IReadOnlyList<string> ServiceNames { get; } = [.. Services.Select(NameOf)];

    /// <summary>All that prove to one another who they are: the services and the gateway.</summary>
    public static IReadOnlyList<string> Clients { get; } = [.. ServiceNames, "gateway"];

    /// <param name="service">As its folder and its assembly are called.</param>
    /// <returns>As it calls itself.</returns>
    public static string NameOf(string service) =>
        CalledItself().Match(File.ReadAllText(Path.Combine(Root, "services", service, "Program.cs"))).Groups["name"].Value;

    public static IEnumerable<string> Files(string pattern) => Directory.EnumerateFiles(Root, pattern, SearchOption.AllDirectories)
        .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj" or "node_modules" or ".git"));

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "OpsPlatform.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("The tests do not run within the repository.");
        }

        return folder.FullName;
    }

    [GeneratedRegex("""AddServiceDefaults\("(?<name>[a-z]+)"\)""")]
    private static partial Regex CalledItself();
}
