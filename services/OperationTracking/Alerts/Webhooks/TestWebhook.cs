using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Alerts.Webhooks;

/// <summary>Sends the event webhook.test within a second or so, whatever events the webhook is told of; its deliveries say what became of it.</summary>
internal static class TestWebhook
{
    public static async Task<Results<Accepted<DeliveryView>, NotFound, ProblemHttpResult>> Handle(
        Guid id, OperationsDb db, Caller caller, TimeProvider time, CancellationToken cancel)
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
        var delivery = new WebhookDelivery
        {
            OrgId = caller.Org,
            Id = Guid.NewGuid(),
            WebhookId = id,
            Event = "webhook.test",
            CreatedAt = now,
            NextAttemptAt = now,
            Body = JsonSerializer.Serialize(new { type = "webhook.test", timestamp = now.UtcDateTime, data = new { webhookId = id } }),
        };
        db.WebhookDeliveries.Add(delivery);
        await db.SaveChangesAsync(cancel);
        return TypedResults.Accepted($"/operations/webhooks/{id}/deliveries", DeliveryView.Of(delivery));
    }
}
