using System.Collections;
using Aspire.Hosting.Running.Servers;

namespace Aspire.Hosting.Running;

/// <summary>Turns a resource into the process to start, with the environment Aspire would give it.</summary>
internal sealed class LaunchPlan(HostState state, DistributedApplicationExecutionContext execution)
{
#if DEBUG
    private const string BuildConfiguration = "Debug";
#else
    private const string BuildConfiguration = "Release";
#endif
    private const string TargetFramework = "net10.0";

    private static readonly string[] _notInherited =
        ["ASPNETCORE_URLS", "DOTNET_LAUNCH_PROFILE", "ASPNETCORE_ENVIRONMENT", "DOTNET_ENVIRONMENT", "ASPIRE_LOGLEVEL"];

    /// <summary>As containers commonly get: a service lets its callers leave and finishes what it has in hand.</summary>
    private static readonly TimeSpan _projectStopGrace = TimeSpan.FromSeconds(30);

    private readonly Dictionary<string, IServer> _servers = [];

    public async Task<ProcessSpec> PrepareAsync(IResource resource, int replica, CancellationToken cancel) => resource switch
    {
        ProjectResource project => Project(project, await EnvironmentAsync(project, replica, cancel), await ArgumentsAsync(project, cancel)),
        ExecutableResource program => Executable(program, await EnvironmentAsync(program, replica, cancel), await ArgumentsAsync(program, cancel)),
        PostgresServerResource postgres => await ServerAsync(postgres, () => new PostgresServer(postgres, state), cancel),
        RabbitMQServerResource rabbit => await ServerAsync(rabbit, () => new RabbitServer(rabbit, state), cancel),
        _ => throw new DistributedApplicationException($"'{resource.Name}': this host cannot run a {resource.GetType().Name}."),
    };

    private async Task<ProcessSpec> ServerAsync(IResource resource, Func<IServer> make, CancellationToken cancel)
    {
        var spec = await ServerFor(resource, make).PrepareAsync(cancel);
        return spec with { Arguments = [.. spec.Arguments, .. await ArgumentsAsync(resource, cancel)] };
    }

    private IServer ServerFor(IResource resource, Func<IServer> make)
    {
        lock (_servers)
        {
            return _servers.TryGetValue(resource.Name, out var known) ? known : _servers[resource.Name] = make();
        }
    }

    private static ProcessSpec Project(ProjectResource project, Dictionary<string, string> environment, List<string> arguments)
    {
        var path = project.Annotations.OfType<IProjectMetadata>().Single().ProjectPath;
        var folder = Path.GetDirectoryName(path)!;
        var assembly = Path.Combine(folder, "bin", BuildConfiguration, TargetFramework, Path.GetFileNameWithoutExtension(path) + ".dll");
        if (!File.Exists(assembly))
        {
            throw new DistributedApplicationException($"{assembly} is missing: build {path} first.");
        }

        var dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        return new ProcessSpec(dotnet, [assembly, .. arguments], folder) { Environment = environment, StopGrace = _projectStopGrace };
    }

    private static ProcessSpec Executable(ExecutableResource program, Dictionary<string, string> environment, List<string> arguments)
    {
        if (!Directory.Exists(program.WorkingDirectory))
        {
            throw new DistributedApplicationException($"The working directory {program.WorkingDirectory} does not exist.");
        }

        var file = program.Command.Contains('/')
            ? Path.GetFullPath(program.Command, program.WorkingDirectory)
            : (environment.GetValueOrDefault("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, program.Command)).FirstOrDefault(File.Exists);
        return File.Exists(file)
            ? new ProcessSpec(file, arguments, program.WorkingDirectory) { Environment = environment }
            : throw new DistributedApplicationException($"The program '{program.Command}' was not found.");
    }

    private async Task<Dictionary<string, string>> EnvironmentAsync(IResource resource, int replica, CancellationToken cancel)
    {
        var values = new Dictionary<string, object>();
        var endpoints = resource.Annotations.OfType<EndpointAnnotation>().ToList();
        foreach (var endpoint in endpoints.Where(endpoint => endpoint.PortVariable is not null))
        {
            values[endpoint.PortVariable!] = endpoint.AllocatedPorts[replica].ToString();
        }

        if (resource is ProjectResource)
        {
            values["OTEL_SERVICE_NAME"] = resource.Name;
            values["OTEL_RESOURCE_ATTRIBUTES"] = $"service.instance.id={resource.Name}-{replica}";
            values["LOGGING__CONSOLE__FORMATTERNAME"] = "simple";
            var urls = endpoints.Where(endpoint => endpoint.UriScheme is "http" or "https").Select(endpoint => endpoint.UrlFor(endpoint.AllocatedPorts[replica])).ToList();
            if (urls.Count > 0)
            {
                values["ASPNETCORE_URLS"] = string.Join(';', urls);
            }
        }

        var context = new EnvironmentCallbackContext(execution, resource, values, cancel);
        foreach (var callback in resource.Annotations.OfType<EnvironmentCallbackAnnotation>().ToList())
        {
            await callback.Callback(context);
        }

        var environment = Inherited();
        foreach (var (name, value) in values)
        {
            environment[name] = await TextAsync(value, cancel);
        }

        return environment;
    }

    private static async Task<List<string>> ArgumentsAsync(IResource resource, CancellationToken cancel)
    {
        var context = new CommandLineArgsCallbackContext([], resource, cancel);
        foreach (var callback in resource.Annotations.OfType<CommandLineArgsCallbackAnnotation>().ToList())
        {
            await callback.Callback(context);
        }

        var arguments = new List<string>();
        foreach (var argument in context.Args)
        {
            arguments.Add(await TextAsync(argument, cancel));
        }

        return arguments;
    }

    public static Dictionary<string, string> Inherited() => Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
        .Where(entry => !_notInherited.Contains((string)entry.Key))
        .ToDictionary(entry => (string)entry.Key, entry => (string?)entry.Value ?? "");

    private static async Task<string> TextAsync(object value, CancellationToken cancel) => value switch
    {
        IValueProvider provider => await provider.GetValueAsync(cancel) ?? "",
        IResourceBuilder<IResource> { Resource: IValueProvider provider } => await provider.GetValueAsync(cancel) ?? "",
        _ => value.ToString() ?? "",
    };
}
