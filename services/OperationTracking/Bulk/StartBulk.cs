using System.ComponentModel.DataAnnotations;
using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;
using Work = OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.OperationTracking.Bulk;

/// <summary>
/// Cancels or tries again many operations: those named, or those of the caller's that a filter finds now and that it can be done to. It is an operation of its
/// own, which Operation-Location points to; with validateOnly nothing is done, and the answer says to how many it would be.
/// </summary>
internal static class StartBulk
{
    private const int MaxIds = 1_000;
    private const int MaxFound = 10_000;

    /// <param name="Ids">These; with a filter, those of them that it finds.</param>
    /// <param name="Reason">Why, for the operations' timelines; with cancel.</param>
    internal sealed record BulkRequest(
        BulkAction Action,
        [property: Length(1, MaxIds)] IReadOnlyList<Guid>? Ids = null,
        FilterRequest? Filter = null,
        [property: MaxLength(500)] string? Reason = null,
        bool ValidateOnly = false) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (Ids is null && Filter is null)
            {
                yield return new("or filter is to be given.", [nameof(Ids)]);
            }

            if (Filter == new FilterRequest())
            {
                yield return new("says at least one thing about the operations.", [nameof(Filter)]);
            }

            if (Reason is not null && Action != BulkAction.Cancel)
            {
                yield return new("goes with cancel.", [nameof(Reason)]);
            }
        }
    }

    /// <param name="QueuedBefore">Not included.</param>
    internal sealed record FilterRequest(
        [property: MaxLength(50)] string? Status = null,
        [property: MaxLength(200)] string? OperationType = null,
        [property: MaxLength(200)] string? Tag = null,
        [property: MaxLength(200)] string? EntityType = null,
        [property: MaxLength(200)] string? EntityId = null,
        DateTimeOffset? QueuedBefore = null);

    /// <param name="OperationId">The operation that does it; null when it was only asked how many.</param>
    /// <param name="Count">How many operations it is about.</param>
    public record Response(Guid? OperationId, int Count);

    public static async Task<Results<Accepted<Response>, Ok<Response>, ProblemHttpResult>> Handle(
        BulkRequest request, ClaimsPrincipal user, HttpContext http, OperationsDb db, Work.Operations operations, Caller caller, TimeProvider time, CancellationToken cancel)
    {
        var viewer = Viewer.Of(user);
        var found = await Found(request, viewer, db).Select(x => x.Operation.Id).Take(MaxFound + 1).ToListAsync(cancel);
        if (found.Count > MaxFound)
        {
            return Problems.TooManyFound(MaxFound);
        }

        if (request.ValidateOnly)
        {
            return TypedResults.Ok(new Response(null, found.Count));
        }

        var id = Guid.CreateVersion7(time.GetUtcNow());
        // Of those named alone, each is told why it was not done.
        Guid[] items = request is { Filter: null, Ids: { } ids } ? [.. ids.Distinct()] : [.. found];
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.Database.ExecuteSqlAsync(
            $"INSERT INTO bulk_items (bulk_id, operation_id, asked_at) SELECT {id}, operation_id, {time.GetUtcNow()} FROM unnest({items}) AS operation_id", cancel);
        var args = new BulkArgs(viewer.UserId, viewer.SeesAll, request.Reason, items.Length);
        var context = new { request.Action, request.Filter, count = items.Length };
        if (request.Action == BulkAction.Cancel)
        {
            operations.Add<CancelMany, BulkArgs>(id, args, new($"Cancel {items.Length} operations", Context: context));
        }
        else
        {
            operations.Add<RetryMany, BulkArgs>(id, args, new($"Try {items.Length} operations again", Context: context));
        }

        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        operations.Wake();
        Work.Operations.Point(http, id);
        return TypedResults.Accepted($"/operations/{id}", new Response(id, items.Length));
    }

    private static IQueryable<ListOperations.Place> Found(BulkRequest request, Viewer viewer, OperationsDb db)
    {
        var filter = request.Filter ?? new();
        OperationStatus? status = filter.Status is { } name && Named<OperationStatus>.TryParse(name, out var named) ? named.Value : null;
        var places = ListOperations.Found(new(filter.OperationType, filter.EntityType, filter.EntityId, filter.Tag, null, null, null, null), status, viewer, db);
        if (request.Ids is { } ids)
        {
            places = places.Where(x => ids.Contains(x.Operation.Id));
        }

        if (filter.QueuedBefore is { } before)
        {
            places = places.Where(x => x.QueuedAt < before.ToUniversalTime());
        }

        return request.Action == BulkAction.Cancel
            ? places.Where(x => x.Operation.CompletedAt == null && x.Operation.Status != OperationStatus.Cancelling)
            : places.Where(x => x.Operation.Status == OperationStatus.Failed || x.Operation.Status == OperationStatus.TimedOut);
    }
}
