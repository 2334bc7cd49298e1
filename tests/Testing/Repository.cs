namespace OpsPlatform.Testing;

/// <summary>The checkout the tests run in.</summary>
public static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>As their folders and assemblies are called.</summary>
    public static IReadOnlyList<string> Services { get; } =
        [.. Directory.GetDirectories(Path.Combine(Root, "services")).Select(folder => Path.GetFileName(folder)!).Order()];

    /// <summary>As they are called in paths, resources and databases.</summary>
    public static IReadOnlyList<string> ServiceNames { get; } = [.. Services.Select(name => name.ToLowerInvariant())];

    /// <summary>All that prove to one another who they are: the services and the gateway.</summary>
    public static IReadOnlyList<string> Clients { get; } = [.. ServiceNames, "gateway"];

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
}
