using System.ComponentModel.DataAnnotations;
using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>Asks the service that works on an operation to stop it; it is cancelling until that says what became of it.</summary>
internal static class CancelOperation
{
    public record Request([property: MaxLength(500)] string? Reason = null);

    public static async Task<Results<Accepted<OperationView>, NotFound, ProblemHttpResult>> Handle(
        Guid id, Request request, ClaimsPrincipal user, OperationsDb db, OperationReader reader, TellAfterCommit tell, Caller caller, TimeProvider time, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var row = await db.Operations.FromSql($"SELECT * FROM operations WHERE org_id = current_org() AND id = {id} FOR UPDATE").AsNoTracking().SingleOrDefaultAsync(cancel);
        if (row is null)
        {
            return TypedResults.NotFound();
        }

        var viewer = Viewer.Of(user);
        if (!viewer.Sees(row))
        {
            return Problems.NotYours();
        }

        if (row.IsOver)
        {
            return Problems.OperationOver(reader.View(row));
        }

        if (row.Status != OperationStatus.Cancelling)
        {
            await db.Database.ExecuteSqlAsync($"SELECT ask_cancel({id}, {viewer.UserId}, {request.Reason}, {time.GetUtcNow()}, {caller.CorrelationId})", cancel);
            db.Publish(new OperationCancelled(id, row.Service, viewer.UserId, request.Reason));
            await db.SaveChangesAsync(cancel);
            row = await reader.Row(id, cancel);
            tell.Changed(caller.Org, id);
            await transaction.CommitAsync(cancel);
        }

        return TypedResults.Accepted($"/operations/{id}", reader.View(row!));
    }
}
