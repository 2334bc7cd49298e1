using OpsPlatform.Registry.Routes;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Registry.Instances;

/// <summary>Changes the registry makes by itself: one transaction under the list's lock, then the gateways are told.</summary>
internal sealed class InstanceList(IServiceScopeFactory scopes, RouteSignal routes)
{
    /// <param name="work">Gets the database's time; what it changes is saved afterwards.</param>
    public async Task Change(Func<RegistryDb, DateTimeOffset, Task> work, CancellationToken cancel)
    {
        await using var scope = scopes.CreateAsyncScope();
        scope.ServiceProvider.GetRequiredService<Caller>().ActFor(null, "registry");
        var db = scope.ServiceProvider.GetRequiredService<RegistryDb>();
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await work(db, await db.LockList(cancel));
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        routes.Changed();
    }
}
