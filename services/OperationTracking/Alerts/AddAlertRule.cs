using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Alerts;

/// <summary>Adds a rule; the built-in one of its kind is in force no more.</summary>
internal static class AddAlertRule
{
    public const int MaxRules = 100;

    public static async Task<Results<Created<AlertRuleView>, ProblemHttpResult>> Handle(
        AlertRuleRequest request, OperationsDb db, Caller caller, TimeProvider time, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock(hashtextextended({"alert rules " + caller.Org}, 0))", cancel);
        if (await db.AlertRules.CountAsync(cancel) >= MaxRules)
        {
            return Problems.TooManyAlertRules(MaxRules);
        }

        var rule = new AlertRule { OrgId = caller.Org, Id = Guid.CreateVersion7(), Name = request.Name, CreatedAt = time.GetUtcNow() };
        request.Fill(rule);
        db.AlertRules.Add(rule);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        return TypedResults.Created($"/operations/alerts/rules/{rule.Id}", AlertRuleView.Of(rule));
    }
}
