using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.OperationTracking.Alerts.Webhooks;

/// <summary>Deletes a webhook with its secrets and its deliveries; nothing more is sent.</summary>
internal static class DeleteWebhook
{
    public static async Task<Results<NoContent, NotFound>> Handle(Guid id, OperationsDb db, CancellationToken cancel) =>
        await db.Webhooks.Where(x => x.Id == id).ExecuteDeleteAsync(cancel) == 0 ? TypedResults.NotFound() : TypedResults.NoContent();
}
