using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Registry.Routes;
using OpsPlatform.ServiceDefaults.Registry;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Registry.Instances;

/// <summary>An instance stops: it gets no new requests, and finishes those it has. Saying it twice is once.</summary>
internal static class Leave
{
    public static async Task<Results<NoContent, ProblemHttpResult>> Handle(
        string service, Guid id, [FromBody] LeaveRequest request, Caller caller, RegistryDb db, RouteSignal routes, CancellationToken cancel)
    {
        caller.Become(null, service);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var now = await db.LockList(cancel);
        if (await db.Instances.FirstOrDefaultAsync(x => x.Id == id, cancel) is not { } instance)
        {
            return Problems.NoSuchInstance(id);
        }

        if (instance.Service != service || !instance.KeyHash.AsSpan().SequenceEqual(Instance.Hash(request.Key)))
        {
            return Problems.NotYourInstance(id);
        }

        db.Change(instance, InstanceState.Stopped, "It was stopped.", now);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        routes.Changed();
        return TypedResults.NoContent();
    }
}
