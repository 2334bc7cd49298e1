using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>A kind of work that this service does, and how.</summary>
/// <param name="Compensate">Takes back what its compensating steps did; null when it has none.</param>
internal sealed record Worker(
    OperationKind Kind, Func<IServiceProvider, Operation, CancellationToken, Task<object?>> Do, Func<IServiceProvider, Operation, CancellationToken, Task>? Compensate)
{
    public static Worker Of<TWork, TArgs>()
        where TWork : class, IDoOperation<TArgs>
        where TArgs : class
    {
        var compensates = typeof(TWork).IsAssignableTo(typeof(ICompensate<TArgs>));
        if (compensates != TWork.Kind.Steps.Any(step => step.Cancel == StepCancel.Compensating))
        {
            throw new InvalidOperationException($"{typeof(TWork).Name} has compensating steps and is no ICompensate, or the other way round.");
        }

        return new(
            TWork.Kind,
            (services, operation, cancel) => services.GetRequiredService<TWork>().Do(Read<TArgs>(operation.Claim.Args), operation, cancel),
            compensates ? (services, operation, cancel) => ((ICompensate<TArgs>)services.GetRequiredService<TWork>()).Compensate(Read<TArgs>(operation.Claim.Args), operation, cancel) : null);
    }

    private static TArgs Read<TArgs>(string args) => JsonSerializer.Deserialize<TArgs>(args, OperationJson.Options)!;
}
