using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.Registry.History;
using OpsPlatform.Registry.Instances;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Registry;

namespace OpsPlatform.Registry;

internal sealed class RegistryDb(DbContextOptions<RegistryDb> options) : ServiceDb(options)
{
    public DbSet<Instance> Instances => Set<Instance>();

    public DbSet<HealthChange> HealthHistory => Set<HealthChange>();

    /// <summary>Puts the instance into that state, notes it in the history and says it to everybody, when it is another one.</summary>
    public void Change(Instance instance, InstanceState state, string reason, DateTimeOffset now)
    {
        var before = Entry(instance).State is EntityState.Added ? (InstanceState?)null : instance.State;
        if (before == state)
        {
            instance.Reason = reason;
            return;
        }

        (instance.State, instance.Reason, instance.ChangedAt) = (state, reason, now);
        HealthHistory.Add(HealthChange.Of(instance, before));
        this.Publish(new ServiceHealthChanged(
            instance.Service, instance.Id, instance.Address, before is { } from ? HealthChange.Name(from) : null, HealthChange.Name(state), reason, now));
    }

    /// <summary>One change of the list at a time, in all replicas: changes are rare, and each looks at others' rows.</summary>
    /// <returns>The database's time, by which all leases are measured.</returns>
    public Task<DateTimeOffset> LockList(CancellationToken cancel) => Database
        .SqlQuery<DateTimeOffset>($"SELECT clock_timestamp() AS \"Value\" FROM pg_advisory_xact_lock(hashtext('registry instances'))")
        .SingleAsync(cancel);

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        base.OnModelCreating(modelBuilder);
        modelBuilder.Entity<Instance>(instance =>
        {
            instance.ToTable("instances");
            instance.Property(x => x.Id).ValueGeneratedNever();
            instance.Property(x => x.Health).HasColumnType("jsonb");
        });
        modelBuilder.Entity<HealthChange>(change =>
        {
            change.ToTable("health_history");
            change.Property(x => x.Id).ValueGeneratedNever();
        });
    }
}
