using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Testing;

public interface IDistributedApplicationTestingBuilder : IDistributedApplicationBuilder, IAsyncDisposable, IDisposable
{
    Task<DistributedApplication> BuildAsync(CancellationToken cancellationToken = default);
}

/// <summary>Applications for tests: free ports instead of fixed ones, and data in a temporary folder that is removed on dispose.</summary>
public static class DistributedApplicationTestingBuilder
{
    /// <summary>The model of an AppHost: its entry point runs up to Build, then the test adds to it and builds it.</summary>
    /// <typeparam name="TEntryPoint">Any class of the AppHost's assembly.</typeparam>
    public static Task<IDistributedApplicationTestingBuilder> CreateAsync<TEntryPoint>(CancellationToken cancellationToken = default)
        where TEntryPoint : class => CreateAsync<TEntryPoint>([], cancellationToken);

    /// <inheritdoc cref="CreateAsync{TEntryPoint}(CancellationToken)"/>
    public static Task<IDistributedApplicationTestingBuilder> CreateAsync<TEntryPoint>(string[] args, CancellationToken cancellationToken = default)
        where TEntryPoint : class
    {
        var main = typeof(TEntryPoint).Assembly.EntryPoint
            ?? throw new InvalidOperationException($"The assembly of {typeof(TEntryPoint)} has no entry point.");
        return StartAsync(
            () => main.Invoke(null, BindingFlags.DoNotWrapExceptions, null, main.GetParameters().Length == 0 ? [] : [args], null), cancellationToken);
    }

    /// <summary>An empty model.</summary>
    public static IDistributedApplicationTestingBuilder Create(params string[] args) =>
        StartAsync(() => DistributedApplication.CreateBuilder(args).Build(), CancellationToken.None).GetAwaiter().GetResult();

    private static async Task<IDistributedApplicationTestingBuilder> StartAsync(Action entryPoint, CancellationToken cancel)
    {
        var session = new TestSession();
        session.Run(entryPoint);
        return new TestingBuilder(session, await session.Builder.WaitAsync(cancel));
    }

    private sealed class TestingBuilder(TestSession session, DistributedApplicationBuilder inner) : IDistributedApplicationTestingBuilder
    {
        public ConfigurationManager Configuration => inner.Configuration;
        public string AppHostDirectory => inner.AppHostDirectory;
        public IHostEnvironment Environment => inner.Environment;
        public IServiceCollection Services => inner.Services;
        public DistributedApplicationExecutionContext ExecutionContext => inner.ExecutionContext;
        public IResourceCollection Resources => inner.Resources;

        public IResourceBuilder<T> AddResource<T>(T resource)
            where T : IResource => inner.AddResource(resource);

        public IResourceBuilder<T> CreateResourceBuilder<T>(T resource)
            where T : IResource => inner.CreateResourceBuilder(resource);

        public DistributedApplication Build() => BuildAsync().GetAwaiter().GetResult();

        public Task<DistributedApplication> BuildAsync(CancellationToken cancellationToken = default) =>
            session.BuildAsync().WaitAsync(cancellationToken);

        public void Dispose() => session.Abandon();

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}

public static class DistributedApplicationHostingTestingExtensions
{
    /// <summary>A client whose base address is the endpoint, by default https, else http.</summary>
    public static HttpClient CreateHttpClient(this DistributedApplication app, string resourceName, string? endpointName = null) =>
        new() { BaseAddress = app.GetEndpoint(resourceName, endpointName) };

    public static Uri GetEndpoint(this DistributedApplication app, string resourceName, string? endpointName = null)
    {
        var resource = Find<IResourceWithEndpoints>(app, resourceName);
        string[] candidates = endpointName is null ? ["https", "http"] : [endpointName];
        var endpoint = candidates.Select(name => new EndpointReference(resource, name)).FirstOrDefault(candidate => candidate.Exists)
            ?? throw new ArgumentException($"Resource '{resourceName}' has no endpoint '{string.Join("' or '", candidates)}'.", nameof(endpointName));
        return new Uri(endpoint.Url);
    }

    public static ValueTask<string?> GetConnectionStringAsync(
        this DistributedApplication app, string resourceName, CancellationToken cancellationToken = default) =>
        Find<IResourceWithConnectionString>(app, resourceName).GetConnectionStringAsync(cancellationToken);

    private static T Find<T>(DistributedApplication app, string resourceName)
        where T : IResource => app.Services.GetRequiredService<IResourceCollection>().OfType<T>()
            .FirstOrDefault(resource => string.Equals(resource.Name, resourceName, StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException($"There is no {typeof(T).Name} named '{resourceName}'.", nameof(resourceName));
}
