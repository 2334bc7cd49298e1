using System.Reflection;
using System.Runtime.CompilerServices;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.Architecture.Tests;

public sealed class TypeTests
{
    private static readonly Assembly[] ServiceAssemblies = [.. Repository.Services.Select(name => Assembly.Load(name))];

    [Fact]
    public void Nothing_of_a_service_is_public()
    {
        var open = ServiceAssemblies.SelectMany(assembly => assembly.GetTypes())
            .Where(type => type.IsPublic && type.Namespace?.StartsWith("OpsPlatform", StringComparison.Ordinal) == true);
        open.ShouldBeEmpty();
    }

    [Fact]
    public void Top_level_types_of_a_service_are_sealed()
    {
        var open = ServiceAssemblies.SelectMany(assembly => assembly.GetTypes())
            .Where(type => type is { IsClass: true, IsSealed: false, IsAbstract: false, IsNested: false }
                && type.Namespace?.StartsWith("OpsPlatform", StringComparison.Ordinal) == true
                && type.GetCustomAttribute<CompilerGeneratedAttribute>() is null);
        open.ShouldBeEmpty();
    }

    [Fact]
    public void Every_subscription_has_its_listener_and_every_listener_its_subscription()
    {
        var heard = ServiceAssemblies.SelectMany(assembly => assembly.GetTypes().SelectMany(type => type.GetInterfaces()
            .Where(face => face.IsGenericType && (face.GetGenericTypeDefinition() == typeof(IHear<>) || face.GetGenericTypeDefinition() == typeof(IHearLatest<>)))
            .Select(face => new Subscription(face.GetGenericArguments()[0], Repository.NameOf(assembly.GetName().Name!)))));
        // Who does long-running work hears through the frame what people decide about it.
        var decided = ServiceAssemblies.Where(assembly => assembly.GetTypes().Any(type => type.GetProperties(BindingFlags.Static | BindingFlags.Public)
            .Any(property => property.PropertyType == typeof(OperationKind))))
            .Select(assembly => Repository.NameOf(assembly.GetName().Name!))
            .SelectMany(service => (Subscription[])
                [Subscription.Of<OperationCancelled>(service), Subscription.Of<OperationApproved>(service), Subscription.Of<OperationDenied>(service), Subscription.Of<OperationRetried>(service)]);
        heard.Concat(decided).ShouldBe(Topology.Subscriptions, ignoreOrder: true);
    }

    [Fact]
    public void What_is_heard_without_being_remembered_waits_in_queues_that_drop_the_oldest()
    {
        var latest = ServiceAssemblies.SelectMany(assembly => assembly.GetTypes().SelectMany(type => type.GetInterfaces()
            .Where(face => face.IsGenericType && face.GetGenericTypeDefinition() == typeof(IHearLatest<>))
            .Select(face => face.GetGenericArguments()[0])));
        latest.Distinct().ShouldBe(Topology.LatestOnly, ignoreOrder: true);
    }

    [Fact]
    public void A_listener_is_named_for_its_effect_and_its_cause()
    {
        foreach (var listener in ServiceAssemblies.SelectMany(assembly => assembly.GetTypes()))
        {
            if (listener.GetInterfaces().FirstOrDefault(face => face.IsGenericType && face.GetGenericTypeDefinition() == typeof(IHear<>)) is { } hear)
            {
                listener.Name.ShouldEndWith($"When{hear.GetGenericArguments()[0].Name}");
            }
        }
    }

    /// <summary>Writing a problem puts the request's trace id into it: one that is kept would break, or tell another's, when two are refused at once.</summary>
    [Fact]
    public void A_refusal_is_made_anew_for_each_request()
    {
        var kept = ServiceAssemblies.Append(Assembly.Load("Gateway")).SelectMany(assembly => assembly.GetTypes())
            .SelectMany(type => type.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
            .Where(field => field.FieldType == typeof(Microsoft.AspNetCore.Http.HttpResults.ProblemHttpResult));
        kept.ShouldBeEmpty();
    }

    /// <summary>The frame validates what is named a request; a body of another name would pass unchecked.</summary>
    [Fact]
    public void What_an_endpoint_binds_from_a_body_is_named_a_request()
    {
        var bodies = ServiceAssemblies.SelectMany(assembly => assembly.GetTypes())
            .Where(type => type is { IsAbstract: true, IsSealed: true })
            .Select(useCase => useCase.GetMethod("Handle", BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static))
            .OfType<MethodInfo>()
            .SelectMany(handle => handle.GetParameters().Select(parameter => parameter.ParameterType))
            .Where(type => type.IsClass && type.GetMethod("<Clone>$") is not null)
            // Settings come from the container.
            .Where(type => !type.Name.EndsWith("Settings", StringComparison.Ordinal) && !type.Name.EndsWith("Options", StringComparison.Ordinal))
            .Distinct()
            .ToArray();
        bodies.Length.ShouldBeGreaterThan(10);
        bodies.ShouldAllBe(type => type.Name.EndsWith("Request", StringComparison.Ordinal));
    }

    [Fact]
    public void Messages_are_records_that_tell_what_a_listener_may_assume()
    {
        var documented = File.ReadAllText(Path.Combine(Repository.Root, "Contracts", "Orders.cs"))
            + File.ReadAllText(Path.Combine(Repository.Root, "Contracts", "Inventory.cs"))
            + File.ReadAllText(Path.Combine(Repository.Root, "Contracts", "Identity.cs"))
            + File.ReadAllText(Path.Combine(Repository.Root, "Contracts", "Operations.cs"))
            + File.ReadAllText(Path.Combine(Repository.Root, "Contracts", "Approvals.cs"));
        foreach (var message in Topology.Subscriptions.Select(subscription => subscription.Message).Distinct())
        {
            message.GetMethod("<Clone>$").ShouldNotBeNull($"{message.Name} is a record");
            documented.ShouldMatch($"/// <summary>([^\\n]+|\\n(/// [^\\n]+\\n)+/// )</summary>\\n(/// [^\\n]+\\n)*public sealed record {message.Name}\\(");
        }
    }
}
