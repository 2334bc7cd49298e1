using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.OperationTracking.Alerts;

/// <summary>Deletes a rule of the organisation's own; its alerts are resolved at the next look.</summary>
internal static class DeleteAlertRule
{
    public static async Task<Results<NoContent, NotFound>> Handle(Guid id, OperationsDb db, CancellationToken cancel) =>
        await db.AlertRules.Where(rule => rule.Id == id).ExecuteDeleteAsync(cancel) == 0 ? TypedResults.NotFound() : TypedResults.NoContent();
}
