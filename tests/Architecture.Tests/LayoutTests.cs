using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace OpsPlatform.Architecture.Tests;

public sealed partial class LayoutTests
{
    private const int MaxProgramLines = 40;
    private const int MaxFileLines = 300;

    public static TheoryData<string> Services => [.. Repository.Services];

    [Theory]
    [MemberData(nameof(Services))]
    public void A_service_refers_to_the_frame_and_the_contracts_only(string service)
    {
        var project = XDocument.Load(Path.Combine(Repository.Root, "services", service, $"{service}.csproj"));
        project.Descendants("ProjectReference").Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value))
            .ShouldBeSubsetOf(["Contracts", "ServiceDefaults"]);
    }

    [Fact]
    public void The_contracts_depend_on_nothing()
    {
        var project = XDocument.Load(Path.Combine(Repository.Root, "Contracts", "Contracts.csproj"));
        project.Descendants("ProjectReference").ShouldBeEmpty();
        project.Descendants("PackageReference").ShouldBeEmpty();
    }

    [Fact]
    public void Versions_are_central_and_every_project_is_in_the_solution()
    {
        var solution = File.ReadAllText(Path.Combine(Repository.Root, "OpsPlatform.sln"));
        foreach (var project in Repository.Files("*.csproj"))
        {
            XDocument.Load(project).Descendants("PackageReference").Where(package => package.Attribute("Version") is not null).ShouldBeEmpty(project);
            solution.ShouldContain(Path.GetFileName(project), Case.Sensitive, project);
        }
    }

    [Fact]
    public void Programs_are_short_and_files_fit_a_reader()
    {
        foreach (var file in Repository.Files("*.cs"))
        {
            var lines = File.ReadLines(file).Count();
            lines.ShouldBeLessThanOrEqualTo(Path.GetFileName(file) == "Program.cs" && file.Contains("services") ? MaxProgramLines : MaxFileLines, file);
        }
    }

    /// <summary>Decision 37. What stands in policies and functions is rewritten at every start.</summary>
    [Fact]
    public void No_statement_is_planned_for_the_organisation_that_asks_first()
    {
        foreach (var file in Repository.Files("*.cs").Where(file => !file.Contains($"{Path.DirectorySeparatorChar}tests{Path.DirectorySeparatorChar}")))
        {
            File.ReadAllText(file).ShouldNotContain("org_id = current_org()", Case.Sensitive, $"{file} has to say org_id = (SELECT current_org())");
        }
    }

    /// <summary>Row-level security is forced on every table that says whose its rows are.</summary>
    [Fact]
    public void Every_table_with_an_organisation_is_guarded()
    {
        foreach (var file in Repository.Files("*.sql"))
        {
            var sql = File.ReadAllText(file);
            foreach (Match table in Table().Matches(sql))
            {
                if (!table.Groups["columns"].Value.Contains("org_id"))
                {
                    continue;
                }

                var name = table.Groups["name"].Value;
                (sql.Contains($"ops_tenant_table('{name}')")
                    || (sql.Contains($"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY") && sql.Contains($"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")))
                    .ShouldBeTrue($"{name} in {file} has org_id and no forced row-level security");
            }

            foreach (Match view in View().Matches(sql))
            {
                view.Groups["options"].Value.ShouldContain("security_invoker", Case.Insensitive, $"{view.Groups["name"].Value} in {file}");
            }
        }
    }

    [GeneratedRegex(@"CREATE TABLE (?<name>\w+) \((?<columns>[^;]*);")]
    private static partial Regex Table();

    [GeneratedRegex(@"CREATE VIEW (?<name>\w+)(?<options>.*?) AS\s", RegexOptions.Singleline)]
    private static partial Regex View();
}
