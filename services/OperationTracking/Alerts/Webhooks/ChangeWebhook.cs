using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.OperationTracking.Alerts.Webhooks;

/// <summary>Replaces what a webhook is told of and where; enables one that was disabled, unless it says otherwise. The secret stays.</summary>
internal static class ChangeWebhook
{
    public static async Task<Results<Ok<WebhookView>, NotFound, ProblemHttpResult>> Handle(
        Guid id, WebhookRequest request, OperationsDb db, WebhookSettings settings, TimeProvider time, CancellationToken cancel)
    {
        if (WebhookTarget.Refusal(request.Url, settings) is { } refusal)
        {
            return Problems.BadWebhookUrl(refusal);
        }

        if (await db.Webhooks.SingleOrDefaultAsync(x => x.Id == id, cancel) is not { } row)
        {
            return TypedResults.NotFound();
        }

        (row.Url, row.Events, row.OperationTypes) = (request.Url, [.. request.Events.Distinct()], request.OperationTypes?.ToArray());
        if (request.IsEnabled)
        {
            (row.Disabled, row.DisabledAt, row.FailingSince) = (null, null, null);
        }
        else
        {
            (row.Disabled, row.DisabledAt) = (WebhookDisabled.Paused, row.DisabledAt ?? time.GetUtcNow());
        }

        await db.SaveChangesAsync(cancel);
        return TypedResults.Ok(WebhookView.Of(row));
    }
}
