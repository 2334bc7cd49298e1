using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.OperationTracking.Alerts;

/// <summary>Replaces a rule of the organisation's own; what it no longer alerts of is resolved at the next look.</summary>
internal static class ChangeAlertRule
{
    public static async Task<Results<Ok<AlertRuleView>, NotFound>> Handle(Guid id, AlertRuleRequest request, OperationsDb db, CancellationToken cancel)
    {
        if (await db.AlertRules.SingleOrDefaultAsync(rule => rule.Id == id, cancel) is not { } rule)
        {
            return TypedResults.NotFound();
        }

        request.Fill(rule);
        await db.SaveChangesAsync(cancel);
        return TypedResults.Ok(AlertRuleView.Of(rule));
    }
}
