using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.ServiceDefaults;

/// <summary>The kinds of long-running work a service does; listed, so that Program.cs says it.</summary>
public sealed class OperationWorkers
{
    private readonly IServiceCollection _services;

    internal OperationWorkers(IServiceCollection services) => _services = services;

    public OperationWorkers Do<TWork, TArgs>()
        where TWork : class, IDoOperation<TArgs>
        where TArgs : class
    {
        _services.AddScoped<TWork>().AddSingleton(Worker.Of<TWork, TArgs>());
        return this;
    }

    /// <summary>Work of a kind that the code that starts it does itself, by <see cref="Operations.Start"/>.</summary>
    public OperationWorkers Start(OperationKind kind)
    {
        _services.AddSingleton(Worker.OfStarted(kind));
        return this;
    }
}

public static class OperationsSetup
{
    /// <summary>Long-running work that people can watch and cancel; the service hears what people decide about it besides. Call it after AddBus.</summary>
    public static WebApplicationBuilder AddOperations(this WebApplicationBuilder builder, string service, Func<OperationWorkers, OperationWorkers> workers)
    {
        builder.Services.AddSingleton<WorkSignal>();
        builder.Services.AddSingleton<WorkTable>();
        builder.Services.AddSingleton<Kinds>();
        builder.Services.AddSingleton<Claims>();
        builder.Services.AddSingleton<WorkRun>();
        builder.Services.AddScoped(services => new Operations(
            services.GetRequiredService<ServiceDb>(), services.GetRequiredService<Caller>(), services.GetRequiredService<ServiceName>(), services.GetRequiredService<WorkSignal>(),
            services.GetRequiredService<Workers>(), services.GetRequiredService<WorkRun>(), services.GetRequiredService<TimeProvider>()));
        builder.Services.AddScoped<Agreements>();
        builder.Services.AddScoped<Undoing>();
        builder.Services.AddSingleton<Workers>().AddHostedService(services => services.GetRequiredService<Workers>());
        builder.Services.AddHostedService<Reporter>();
        builder.Services.AddHostedService<TellWaits>();
        new BusListeners(builder.Services, service)
            .Hear<OperationCancelled, CancelWorkWhenOperationCancelled>()
            .Hear<OperationApproved, BeginWorkWhenOperationApproved>()
            .Hear<OperationDenied, DropWorkWhenOperationDenied>()
            .Hear<OperationRetried, RetryWorkWhenOperationRetried>();
        workers(new(builder.Services));
        return builder;
    }
}
