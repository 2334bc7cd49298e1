using System.Security.Claims;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>Starts undoing an operation of this service, once, as an operation of the caller's.</summary>
internal static class UndoWork
{
    public static async Task<Results<Accepted<UndoStarted>, NotFound, ProblemHttpResult>> Handle(
        Guid id, ClaimsPrincipal user, ServiceDb db, Undoing undoing, Operations operations, IServiceProvider services, TimeProvider time,
        HttpContext http, CancellationToken cancel)
    {
        var (work, way, refusal) = await undoing.Find(id, user, cancel);
        if (work is null || refusal is not null)
        {
            return work is null ? TypedResults.NotFound() : refusal!;
        }

        var undo = Guid.CreateVersion7(time.GetUtcNow());
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        if (!await undoing.TryMark(id, undo, cancel))
        {
            // Somebody was faster.
            return (await undoing.Find(id, user, cancel)).Refusal is { } now ? now : TypedResults.NotFound();
        }

        if (await way!.Start(services, work, undo, cancel) is var other && other != undo)
        {
            return Undoing.Undone(other);
        }

        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        operations.Wake();
        Operations.Point(http, undo);
        return TypedResults.Accepted($"/operations/{undo}", new UndoStarted(undo, id));
    }
}
