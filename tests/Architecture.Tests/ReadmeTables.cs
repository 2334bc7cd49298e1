using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Auth;

namespace OpsPlatform.Architecture.Tests;

/// <summary>Every route a service maps, from its own Program, which runs here without its workers: no database, no broker.</summary>
internal static partial class EndpointTable
{
    public static string Of(Assembly service)
    {
        var name = service.GetName().Name!;
        var entry = service.GetTypes().First(type => type.Namespace == $"OpsPlatform.{name}" && type is { IsClass: true, IsNested: false });
        using var program = (IDisposable)Activator.CreateInstance(typeof(Mapped<>).MakeGenericType(entry), name)!;
        var told = UseCases(name);
        var rows = ((IHasServices)program).Services.GetServices<EndpointDataSource>().SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
            .SelectMany(endpoint => (endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? ["any"]).DefaultIfEmpty("any")
                .Select(method => (Path: Shown(endpoint), Method: method, Role: Role(endpoint), Summary: Summary(endpoint, told))))
            .Distinct()
            .Where(row => row.Path is not ("/alive" or "/health"))
            .OrderBy(row => row.Path, StringComparer.Ordinal).ThenBy(row => row.Method, StringComparer.Ordinal);
        var table = new StringBuilder("| endpoint | who | what |\n|---|---|---|\n");
        foreach (var (path, method, role, summary) in rows)
        {
            table.Append($"| `{method} {path}` | {role} | {summary.Replace("|", "\\|")} |\n");
        }

        return table.ToString();
    }

    private static string Shown(RouteEndpoint endpoint) => "/" + Regex.Replace(endpoint.RoutePattern.RawText!.Trim('/'), @"\{(\*\*)?(\w+)[^}]*\}", "{$1$2}");

    /// <summary>Its own summary, or else what stands above the class of its use case.</summary>
    private static string Summary(RouteEndpoint endpoint, Dictionary<string, string> told) =>
        endpoint.Metadata.GetMetadata<IEndpointSummaryMetadata>()?.Summary
        ?? told.GetValueOrDefault(endpoint.Metadata.GetMetadata<MethodInfo>()?.DeclaringType?.Name ?? "", "");

    private static Dictionary<string, string> UseCases(string service)
    {
        var folder = service == "Gateway" ? Path.Combine(Repository.Root, "gateway") : Path.Combine(Repository.Root, "services", service);
        return Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
            .SelectMany(file => UseCase().Matches(File.ReadAllText(file)))
            .GroupBy(match => match.Groups["name"].Value)
            .ToDictionary(same => same.Key, same => Regex.Replace(same.First().Groups["summary"].Value, @"\s*///\s*", " ").Trim());
    }

    [GeneratedRegex(@"/// <summary>(?<summary>(?:(?!</summary>)[\s\S])*)</summary>\n(?:///[^\n]*\n)*internal static (?:partial )?class (?<name>\w+)\n")]
    private static partial Regex UseCase();

    /// <summary>Every policy on a route must hold, so the highest role counts.</summary>
    private static string Role(RouteEndpoint endpoint)
    {
        var policies = endpoint.Metadata.OfType<IAuthorizeData>().Select(data => data.Policy ?? "").ToArray();
        if (endpoint.Metadata.OfType<IAllowAnonymous>().Any())
        {
            return "anyone";
        }

        return policies.Length == 0 ? "anyone" : policies.MaxBy(policy => Roles.Ranked.Contains(policy) ? Roles.Ranked.ToList().IndexOf(policy) : int.MaxValue) switch
        {
            "" => "any token",
            Roles.Operator => "admin or operator",
            Roles.Platform => "service or operator",
            var policy => policy!,
        };
    }

    private interface IHasServices
    {
        IServiceProvider Services { get; }
    }

    private sealed class Mapped<T>(string service) : WebApplicationFactory<T>, IHasServices
        where T : class
    {
        protected override void ConfigureWebHost(IWebHostBuilder builder)
        {
            builder.UseContentRoot(AppContext.BaseDirectory);
            builder.UseEnvironment("Production");
            builder.UseSetting($"ConnectionStrings:{(service == "Gateway" ? "gateway" : Repository.NameOf(service))}db", "Host=localhost;Port=1;Username=nobody;Password=none;Database=none");
            builder.UseSetting("ConnectionStrings:messaging", "amqp://localhost:1");
            builder.ConfigureLogging(logging => logging.ClearProviders());
            builder.ConfigureServices(services =>
            {
                var workers = services.Where(one => one.ServiceType == typeof(IHostedService) && one.ImplementationType?.Name != "GenericWebHostService").ToList();
                workers.ForEach(worker => services.Remove(worker));
            });
        }
    }
}

/// <summary>What a service says, from its file in Contracts, and what it hears, from the topology.</summary>
internal static partial class MessageTable
{
    /// <summary>Parts of messages are no messages.</summary>
    private static readonly HashSet<Type> Parts = [.. typeof(Topology).Assembly.GetTypes().SelectMany(type => type.GetProperties()).SelectMany(property => Mentioned(property.PropertyType))];

    public static string Of(string service)
    {
        var name = Repository.NameOf(service);
        var file = Path.Combine(Repository.Root, "Contracts", $"{char.ToUpperInvariant(name[0])}{name[1..]}.cs");
        var table = new StringBuilder("| message | | what a listener may assume |\n|---|---|---|\n");
        foreach (var said in File.Exists(file) ? Record().Matches(File.ReadAllText(file)).AsEnumerable() : [])
        {
            var type = typeof(Topology).Assembly.GetType($"OpsPlatform.Contracts.{said.Groups["name"].Value}")!;
            // What it hears itself, others say.
            if (!Parts.Contains(type) && !type.Name.EndsWith("Page", StringComparison.Ordinal) && !Topology.Subscriptions.Any(heard => heard.Service == name && heard.Message == type))
            {
                table.Append($"| {type.Name} | says | {Regex.Replace(said.Groups["summary"].Value, "<see cref=\"(\\w+)\"/>", "$1")} |\n");
            }
        }

        foreach (var heard in Topology.Subscriptions.Where(subscription => subscription.Service == name))
        {
            table.Append($"| {heard.Message.Name} | hears | queue `{heard.Queue}` |\n");
        }

        return name == "sync" ? table.Append($"| ChangeBatch | hears | captured changes of every service, queues `{Topology.ChangeQueues[0]}` to `{Topology.ChangeQueues[^1]}` |\n").ToString() : table.ToString();
    }

    private static IEnumerable<Type> Mentioned(Type type) => type.IsGenericType ? type.GetGenericArguments().SelectMany(Mentioned) : [type];

    [GeneratedRegex(@"/// <summary>(?<summary>[^\n]*)</summary>\n(?:///[^\n]*\n)*public sealed record (?<name>\w+)\(")]
    private static partial Regex Record();
}

/// <summary>The tables that a service's own migrations make, beside those of the frame.</summary>
internal static partial class SqlTables
{
    public static string Of(string service)
    {
        var folder = Path.Combine(Repository.Root, "services", service, "Migrations");
        var sql = string.Concat((Directory.Exists(folder) ? Directory.GetFiles(folder, "*.sql") : []).Order(StringComparer.Ordinal).Select(file => File.ReadAllText(file) + "\n"));
        var dropped = Dropped().Matches(sql).Select(match => match.Groups["name"].Value).ToHashSet();
        var tracked = Tracked().Matches(sql).ToDictionary(match => match.Groups["name"].Value, match => match.Groups["entity"].Value);
        var table = new StringBuilder("| table | of an organisation | on the feed as |\n|---|---|---|\n");
        foreach (Match made in Made().Matches(sql))
        {
            var name = made.Groups["name"].Value;
            if (!dropped.Contains(name))
            {
                table.Append($"| `{name}` | {(made.Groups["columns"].Value.Contains("org_id") ? "yes" : "no")} | {tracked.GetValueOrDefault(name, "–")} |\n");
            }
        }

        return table.ToString();
    }

    [GeneratedRegex(@"CREATE TABLE (?:IF NOT EXISTS )?(?<name>[a-z_]\w*) ?\((?<columns>[^;]*);")]
    private static partial Regex Made();

    [GeneratedRegex(@"DROP TABLE (?:IF EXISTS )?(?<name>[a-z_]\w*)")]
    private static partial Regex Dropped();

    [GeneratedRegex(@"ops_track_table\('(?<name>\w+)',\s*(?:entity => )?'(?<entity>\w+)'")]
    private static partial Regex Tracked();
}
