using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Alerts.Webhooks;

/// <summary>The organisation's webhooks without their secrets, the oldest first; all on one page.</summary>
internal static class ListWebhooks
{
    public static async Task<Ok<Page<WebhookView>>> Handle(OperationsDb db, CancellationToken cancel)
    {
        var rows = await db.Webhooks.AsNoTracking().OrderBy(x => x.CreatedAt).ThenBy(x => x.Id).ToListAsync(cancel);
        return TypedResults.Ok(new Page<WebhookView>([.. rows.Select(WebhookView.Of)], null));
    }
}
