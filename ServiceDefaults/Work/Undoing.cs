using System.Security.Claims;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>Finds work that may be undone, and sees to it that it is once.</summary>
public sealed class Undoing(ServiceDb db, IServiceProvider services)
{
    /// <summary>Marks work of this service, which has ended and which nobody has undone, as undone by that operation; within the transaction at hand.</summary>
    /// <returns>False when there is no such work, or no longer.</returns>
    public async Task<bool> TryMark(Guid id, Guid undo, CancellationToken cancel) => await db.Database.ExecuteSqlAsync(
        $"UPDATE operation_work SET undone_by = {undo} WHERE org_id = (SELECT current_org()) AND id = {id} AND state = 'ended' AND undone_by IS NULL", cancel) == 1;

    /// <summary>For an undo that ended before it stored anything, since it was denied or cancelled: what it was to undo can be undone or tried again after all.</summary>
    internal static FormattableString Unmark(Guid undo) =>
        $"""
        UPDATE operation_work w SET undone_by = NULL FROM operation_work u
        WHERE u.id = {undo} AND u.checkpoint IS NULL AND w.id = (u.started ->> 'undoes')::uuid AND w.undone_by = u.id
        """;

    /// <returns>The work and how it is undone, or why it cannot be; neither when there is no such work of the organisation.</returns>
    internal async Task<(WorkDone? Work, UndoWay? Way, ProblemHttpResult? Refusal)> Find(Guid id, ClaimsPrincipal user, CancellationToken cancel)
    {
        var work = (await db.Database.SqlQuery<WorkDone>(
            $"""
            SELECT id AS "Id", operation_type AS "OperationType", args::text AS "Args", actor AS "Actor", state AS "State", attempts AS "Attempts", undone_by AS "UndoneBy"
            FROM operation_work WHERE org_id = (SELECT current_org()) AND id = {id}
            """).ToListAsync(cancel)).SingleOrDefault();
        if (work is null)
        {
            return default;
        }

        var way = services.GetServices<Worker>().SingleOrDefault(worker => worker.Kind.Type == work.OperationType)?.Undo;
        return (work, way, Refusal(work, way, way?.Role(services), user));
    }

    internal static ProblemHttpResult Undone(Guid undo) => Problem.Of(
        "already-undone", StatusCodes.Status409Conflict, "The operation is undone already.", "See what came of that operation.", ("operation", $"/operations/{undo}"));

    private static ProblemHttpResult? Refusal(WorkDone work, UndoWay? way, string? role, ClaimsPrincipal user)
    {
        if (work.Actor != user.FindFirstValue("sub") && !Roles.AtLeast(Roles.Admin).Any(user.IsInRole))
        {
            return Problem.Of("not-yours", StatusCodes.Status403Forbidden, "The operation is somebody else's.", "Its user undoes it, and so do admins and owners of the organisation.");
        }

        if (way is null || (work.State == "ended" && work.Attempts == 0))
        {
            return Problem.Of(
                "not-undoable", StatusCodes.Status409Conflict, "The operation cannot be undone.",
                way is null ? "Nobody knows how to undo work of its type." : "It was never begun: there is nothing to undo.");
        }

        if (!Roles.AtLeast(role!).Any(user.IsInRole))
        {
            return Problem.Of("forbidden", StatusCodes.Status403Forbidden, "Your role does not allow it.", $"Undoing it takes the role {role} or a higher one.");
        }

        return work.UndoneBy is { } undo ? Undone(undo)
            : work.State != "ended" ? Problem.Of(
                "operation-running", StatusCodes.Status409Conflict, "The operation has not ended.", "Undo it once it has, or cancel it first.", ("operation", $"/operations/{work.Id}"))
            : null;
    }
}

/// <summary>Work of this service, as far as undoing it goes.</summary>
internal sealed record WorkDone(Guid Id, string OperationType, string Args, string Actor, string State, int Attempts, Guid? UndoneBy);
