using System.Collections;
using System.Reflection;
using Aspire.Hosting.Running;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting;

public interface IDistributedApplicationBuilder
{
    ConfigurationManager Configuration { get; }
    string AppHostDirectory { get; }
    IHostEnvironment Environment { get; }
    IServiceCollection Services { get; }
    DistributedApplicationExecutionContext ExecutionContext { get; }
    IResourceCollection Resources { get; }

    IResourceBuilder<T> AddResource<T>(T resource)
        where T : IResource;

    IResourceBuilder<T> CreateResourceBuilder<T>(T resource)
        where T : IResource;

    DistributedApplication Build();
}

internal sealed class DistributedApplicationBuilder : IDistributedApplicationBuilder
{
    private readonly HostApplicationBuilder _host;
    private readonly ResourceCollection _resources = [];
    private readonly TestSession? _test = TestSession.Current;

    public DistributedApplicationBuilder(DistributedApplicationOptions options)
    {
        _host = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings
        {
            Args = options.Args,
            ContentRootPath = AppHostDirectory,
        });
        _host.Logging.AddFilter("Microsoft", LogLevel.Warning);
        // Failing checks are the normal course of a start; the resource's own log tells of one that stays.
        _host.Logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None);
        var state = new Lazy<HostState>(() => HostState.Open(Configuration, AppHostDirectory, forTest: _test is not null));
        _host.Services.AddSingleton(state);
        _host.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromMinutes(1));
        _host.Services.TryAddSingleton(TimeProvider.System);
        _host.Services.AddHealthChecks();
        // The host's own health report is nobody's; checks are run per resource.
        _host.Services.Configure<HealthCheckPublisherOptions>(publisher => publisher.Period = Timeout.InfiniteTimeSpan);
        _host.Services.AddSingleton(new ResourceNotificationService
        {
            // A test wants to hear of a failure at once; a person at the console mends it and goes on.
            DefaultWaitBehavior = _test is null ? WaitBehavior.WaitOnResourceUnavailable : WaitBehavior.StopOnResourceUnavailable,
        });
        _host.Services.AddSingleton<IResourceCollection>(_resources);
        _host.Services.AddSingleton(_ => state.Value);
        _host.Services.AddSingleton<Orchestrator>();
        _host.Services.AddSingleton(provider => new ResourceCommandService(
            provider, provider.GetRequiredService<Orchestrator>(), provider.GetRequiredService<ILogger<ResourceCommandService>>()));
        _host.Services.AddHostedService(provider => provider.GetRequiredService<Orchestrator>());
        if (_test is not null)
        {
            Configuration[Orchestrator.RandomPortsKey] = bool.TrueString;
        }
    }

    public ConfigurationManager Configuration => _host.Configuration;
    public IHostEnvironment Environment => _host.Environment;
    public IServiceCollection Services => _host.Services;
    public DistributedApplicationExecutionContext ExecutionContext { get; } = new();
    public IResourceCollection Resources => _resources;

    public string AppHostDirectory { get; } = typeof(DistributedApplicationBuilder).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(metadata => metadata.Key == nameof(AppHostDirectory)).Value!;

    public IResourceBuilder<T> AddResource<T>(T resource)
        where T : IResource
    {
        if (_resources.Any(known => string.Equals(known.Name, resource.Name, StringComparison.OrdinalIgnoreCase)))
        {
            throw new DistributedApplicationException($"Cannot add resource '{resource.Name}': a resource of that name exists; names are case-insensitive.");
        }

        _resources.Add(resource);
        return CreateResourceBuilder(resource);
    }

    public IResourceBuilder<T> CreateResourceBuilder<T>(T resource)
        where T : IResource => new ResourceBuilder<T>(this, resource);

    public DistributedApplication Build()
    {
        _test?.WaitForRelease(this);
        var app = new DistributedApplication(_host.Build());
        _test?.Finish(app);
        return app;
    }

    private sealed class ResourceCollection : IResourceCollection
    {
        private readonly List<IResource> _items = [];

        public int Count => _items.Count;
        public IResource this[int index] => _items[index];
        public void Add(IResource resource) => _items.Add(resource);
        public IEnumerator<IResource> GetEnumerator() => _items.GetEnumerator();
        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }

    private sealed class ResourceBuilder<T>(IDistributedApplicationBuilder application, T resource) : IResourceBuilder<T>
        where T : IResource
    {
        public IDistributedApplicationBuilder ApplicationBuilder => application;
        public T Resource => resource;

        public IResourceBuilder<T> WithAnnotation<TAnnotation>(TAnnotation annotation, ResourceAnnotationMutationBehavior behavior)
            where TAnnotation : IResourceAnnotation
        {
            if (behavior == ResourceAnnotationMutationBehavior.Replace)
            {
                foreach (var replaced in resource.Annotations.OfType<TAnnotation>().ToList())
                {
                    resource.Annotations.Remove(replaced);
                }
            }

            resource.Annotations.Add(annotation);
            return this;
        }
    }
}
