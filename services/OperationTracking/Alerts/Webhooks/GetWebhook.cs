using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.OperationTracking.Alerts.Webhooks;

/// <summary>A webhook without its secret.</summary>
internal static class GetWebhook
{
    public static async Task<Results<Ok<WebhookView>, NotFound>> Handle(Guid id, OperationsDb db, CancellationToken cancel) =>
        await db.Webhooks.AsNoTracking().SingleOrDefaultAsync(x => x.Id == id, cancel) is { } row ? TypedResults.Ok(WebhookView.Of(row)) : TypedResults.NotFound();
}
