using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.OperationTracking.Approvals;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.OperationTracking.Reports;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;
using Work = OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.OperationTracking.Posted;

/// <summary>
/// Makes work of the caller's own known: it is theirs, and theirs to work on. The same operationId again is answered as the first time when the rest is
/// the same too. Operation-Location says where to follow it; with validateOnly nothing is stored.
/// </summary>
internal static class PostOperation
{
    public const int MostOpen = 10_000;

    public record Valid(bool IsValid);

    public static async Task<Results<Accepted<OperationView>, Ok<Valid>, ProblemHttpResult>> Handle(
        PostRequest request, ClaimsPrincipal user, HttpContext http, OperationsDb db, OperationReader reader, PostedParent parents, Approving approving, MemberDirectory directory,
        TellAfterCommit tell, Caller caller, TimeProvider time, CancellationToken cancel)
    {
        // Before the transaction: it asks another service.
        if (request.Plan is { } plan && (await CheckPolicy.Count(plan, Viewer.Of(user).UserId, directory, caller, cancel)).Refusal is { } refusal)
        {
            return refusal;
        }

        var isRepeat = request.OperationId is { } chosen && await db.Operations.AnyAsync(x => x.Id == chosen, cancel);
        if (request.ParentId is { } parent && !isRepeat && (await parents.RefusalOf(parent, user, cancel) ?? await parents.Closed(parent, cancel)) is { } refused)
        {
            return refused;
        }

        if (request.ValidateOnly)
        {
            return TypedResults.Ok(new Valid(true));
        }

        var now = time.GetUtcNow();
        var userId = Viewer.Of(user).UserId;
        var id = request.OperationId ?? Guid.CreateVersion7(now);
        var started = StartedRow.Json([StartedRow.Of(request.Started(id, userId, now), userId, caller.CorrelationId)]);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var isThere = await db.Database.SqlQuery<bool>(
            $"SELECT post_operation({started}::jsonb, {Hash(request, userId)}, {request.StartWithinSeconds}, {request.EndWithinSeconds}, {request.SilentForSeconds}) AS \"Value\"")
            .SingleAsync(cancel);
        if (!isThere)
        {
            return Problems.OperationExists(id);
        }

        if (request.ParentId is { } above && !isRepeat && await parents.Closed(above, cancel) is { } closed)
        {
            return closed;
        }

        if (await HasTooManyOpen(db, cancel))
        {
            return Problems.TooManyOperations(http, MostOpen);
        }

        if (request.Plan is not null)
        {
            await approving.AskForNew([id], cancel);
        }

        var row = await reader.Row(id, cancel);
        tell.Changed(caller.Org, id);
        await transaction.CommitAsync(cancel);
        Work.Operations.Point(http, id);
        return TypedResults.Accepted($"/operations/{id}", reader.View(row!));
    }

    /// <summary>To be asked after the timeline was written to: the lock on its head makes who comes at the same time wait, and be counted.</summary>
    public static async Task<bool> HasTooManyOpen(OperationsDb db, CancellationToken cancel) => await db.Database.SqlQuery<int>(
        $"SELECT count(*)::int AS \"Value\" FROM (SELECT FROM operations WHERE org_id = (SELECT current_org()) AND service = 'caller' AND completed_at IS NULL LIMIT {MostOpen + 1}) AS open")
        .SingleAsync(cancel) > MostOpen;

    private static byte[] Hash(PostRequest request, string userId) =>
        SHA256.HashData([.. Encoding.UTF8.GetBytes(userId), .. JsonSerializer.SerializeToUtf8Bytes(request, Json.Options)]);
}
