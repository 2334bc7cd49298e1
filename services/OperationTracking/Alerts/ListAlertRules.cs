using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Alerts;

/// <summary>The rules in force: the organisation's own, and the built-in ones of every kind it has none of.</summary>
internal static class ListAlertRules
{
    public static async Task<Ok<Page<AlertRuleView>>> Handle(OperationsDb db, CancellationToken cancel)
    {
        var own = await db.AlertRules.AsNoTracking().OrderBy(rule => rule.CreatedAt).ThenBy(rule => rule.Id).ToListAsync(cancel);
        var builtIn = await db.DefaultAlertRules.OrderBy(rule => rule.Id).ToListAsync(cancel);
        return TypedResults.Ok(new Page<AlertRuleView>(
            [.. own.Select(AlertRuleView.Of), .. builtIn.Where(rule => own.TrueForAll(x => x.Kind != rule.Kind)).Select(AlertRuleView.Of)], null));
    }
}
