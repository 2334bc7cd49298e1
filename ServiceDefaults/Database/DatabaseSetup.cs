using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Telemetry;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults;

public static class DatabaseSetup
{
    /// <summary>The service's own database, from ConnectionStrings:{name}db; made, migrated and waited for without failing the start.</summary>
    /// <param name="relayConnections">More than four only where requests or listeners work in the relay's role too.</param>
    public static WebApplicationBuilder AddDatabase<TDb>(this WebApplicationBuilder builder, string name, int relayConnections = 4)
        where TDb : Database.ServiceDb
    {
        var connectionString = builder.Configuration.Required(
            $"ConnectionStrings:{name}db", $"where PostgreSQL is, such as Host=localhost;Port=5432;Username=postgres;Password=…;Database={name}");
        builder.Services.AddSingleton(_ => new Database.ServiceDatabase(name, connectionString, relayConnections, typeof(TDb).Assembly));
        builder.Services.AddKeyedSingleton("app", (services, _) => services.GetRequiredService<Database.ServiceDatabase>().App);
        builder.Services.AddKeyedSingleton("relay", (services, _) => services.GetRequiredService<Database.ServiceDatabase>().Relay);
        builder.Services.AddKeyedSingleton("owner", (services, _) => services.GetRequiredService<Database.ServiceDatabase>().Owner);
        builder.Services.AddKeyedSingleton("digest", (services, _) => services.GetRequiredService<Database.ServiceDatabase>().Digest);
        builder.Services.AddHostedService<Database.DatabaseStarter>();
        builder.Services.AddSingleton<Database.Forgetting>();
        builder.Services.AddHostedService<Database.ForgetOld>();
        builder.Services.AddSingleton<Hops.HopReader>();
        builder.Services.AddSingleton<Idempotency.Corrections>();
        builder.Services.AddScoped(services => new Idempotency.KeyedRequest(
            services.GetRequiredService<Idempotency.Corrections>(), services.GetRequiredService<ILogger<Idempotency.KeyedRequest>>()));
        builder.Services.AddSingleton<Replicas>();
        builder.Services.AddHostedService(services => services.GetRequiredService<Replicas>());
        builder.Services.AddSingleton<RelaySignal>();
        builder.Services.AddScoped<TenantInterceptor>();
        builder.Services.AddDbContext<TDb>((services, options) => options
            .UseNpgsql(services.GetRequiredService<Database.ServiceDatabase>().App)
            // A unique violation is often an answer, and a database that is away is told once, by who waits for it; who does not expect a fault lets it
            // reach the fault handler, which logs it.
            .ConfigureWarnings(warnings => warnings.Log(
                (RelationalEventId.CommandError, LogLevel.Debug), (RelationalEventId.ConnectionError, LogLevel.Debug), (RelationalEventId.TransactionError, LogLevel.Debug),
                (CoreEventId.SaveChangesFailed, LogLevel.Debug), (CoreEventId.QueryIterationFailed, LogLevel.Debug)))
            .AddInterceptors(services.GetRequiredService<TenantInterceptor>(), services.GetRequiredService<RelaySignal>().AfterCommit));
        builder.Services.AddScoped<Database.ServiceDb>(services => services.GetRequiredService<TDb>());
        builder.Services.AddHealthChecks().AddCheck<DatabaseHealth>("database");
        return builder;
    }
}
