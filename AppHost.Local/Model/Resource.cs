using System.Collections.ObjectModel;
using System.Diagnostics.CodeAnalysis;

namespace Aspire.Hosting.ApplicationModel
{
    public interface IResourceAnnotation;

    public sealed class ResourceAnnotationCollection : Collection<IResourceAnnotation>;

    public interface IResource
    {
        string Name { get; }
        ResourceAnnotationCollection Annotations { get; }
    }

    /// <summary>A named part of the system; the name obeys Aspire's rules or construction throws <see cref="ArgumentException"/>.</summary>
    public abstract class Resource : IResource
    {
        protected Resource(string name)
        {
            ResourceNames.Validate(name);
            Name = name;
        }

        public string Name { get; }
        public ResourceAnnotationCollection Annotations { get; } = [];
    }

    public interface IResourceWithoutLifetime : IResource;

    public interface IResourceWithEnvironment : IResource;

    public interface IResourceWithArgs : IResource;

    public interface IResourceWithEndpoints : IResource;

    public interface IResourceWithWaitSupport : IResource;

    public interface IComputeResource : IResource;

    public interface IComputeEnvironmentResource : IResource;

    public interface IResourceWithParent : IResource
    {
        IResource Parent { get; }
    }

    public interface IResourceWithParent<out T> : IResourceWithParent
        where T : IResource
    {
        new T Parent { get; }
        IResource IResourceWithParent.Parent => Parent;
    }

    public interface IValueProvider
    {
        ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default);
    }

    public interface IManifestExpressionProvider
    {
        string ValueExpression { get; }
    }

    public interface IResourceWithConnectionString : IResource, IValueProvider, IManifestExpressionProvider
    {
        ReferenceExpression ConnectionStringExpression { get; }
        string? ConnectionStringEnvironmentVariable => null;
        string IManifestExpressionProvider.ValueExpression => $"{{{Name}.connectionString}}";

        ValueTask<string?> GetConnectionStringAsync(CancellationToken cancellationToken = default) =>
            ConnectionStringExpression.GetValueAsync(cancellationToken);

        ValueTask<string?> IValueProvider.GetValueAsync(CancellationToken cancellationToken) =>
            GetConnectionStringAsync(cancellationToken);
    }

    public enum ResourceAnnotationMutationBehavior
    {
        Append,
        Replace,
    }

    public interface IResourceBuilder<out T>
        where T : IResource
    {
        IDistributedApplicationBuilder ApplicationBuilder { get; }
        T Resource { get; }

        IResourceBuilder<T> WithAnnotation<TAnnotation>(
            TAnnotation annotation, ResourceAnnotationMutationBehavior behavior = ResourceAnnotationMutationBehavior.Append)
            where TAnnotation : IResourceAnnotation;
    }

    public interface IResourceCollection : IReadOnlyList<IResource>;

    public static class ResourceExtensions
    {
        public static bool TryGetLastAnnotation<T>(this IResource resource, [NotNullWhen(true)] out T? annotation)
            where T : IResourceAnnotation
        {
            annotation = resource.Annotations.OfType<T>().LastOrDefault();
            return annotation is not null;
        }
    }
}

namespace Aspire.Hosting
{
    public interface IResourceWithServiceDiscovery : IResourceWithEndpoints;

    public interface IProjectMetadata : IResourceAnnotation
    {
        string ProjectPath { get; }
        bool SuppressBuild => false;
    }
}
