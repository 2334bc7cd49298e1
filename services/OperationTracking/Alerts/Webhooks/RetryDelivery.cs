using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.OperationTracking.Alerts.Webhooks;

/// <summary>Sends a delivery again within a second or so, also one that got through; one that has failed gets this one attempt.</summary>
internal static class RetryDelivery
{
    public static async Task<Results<Accepted<DeliveryView>, NotFound, ProblemHttpResult>> Handle(
        Guid id, Guid deliveryId, OperationsDb db, TimeProvider time, CancellationToken cancel)
    {
        if (await db.Webhooks.AsNoTracking().SingleOrDefaultAsync(x => x.Id == id, cancel) is not { } webhook)
        {
            return TypedResults.NotFound();
        }

        if (webhook.Disabled is not null)
        {
            return Problems.WebhookDisabled();
        }

        var now = time.GetUtcNow();
        var one = db.WebhookDeliveries.Where(x => x.WebhookId == id && x.Id == deliveryId);
        await one.ExecuteUpdateAsync(set => set.SetProperty(x => x.State, DeliveryState.Pending).SetProperty(x => x.NextAttemptAt, now), cancel);
        return await one.AsNoTracking().SingleOrDefaultAsync(cancel) is { } delivery
            ? TypedResults.Accepted($"/operations/webhooks/{id}/deliveries", DeliveryView.Of(delivery))
            : TypedResults.NotFound();
    }
}
