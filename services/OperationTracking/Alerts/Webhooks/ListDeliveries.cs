using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Alerts.Webhooks;

/// <summary>What a webhook was told, and what became of it, the latest first; kept for 30 days.</summary>
internal static class ListDeliveries
{
    internal sealed record Key(DateTimeOffset CreatedAt, Guid Id);

    public static async Task<Results<Ok<Page<DeliveryView>>, NotFound>> Handle(Guid id, int? limit, string? cursor, OperationsDb db, CancellationToken cancel)
    {
        var size = Paging.Limit(limit);
        var after = Paging.Decode<Key>(cursor);
        if (!await db.Webhooks.AnyAsync(x => x.Id == id, cancel))
        {
            return TypedResults.NotFound();
        }

        var rows = db.WebhookDeliveries.AsNoTracking().Where(x => x.WebhookId == id);
        if (after is not null)
        {
            rows = rows.Where(x => EF.Functions.LessThan(ValueTuple.Create(x.CreatedAt, x.Id), ValueTuple.Create(after.CreatedAt, after.Id)));
        }

        var page = await rows.OrderByDescending(x => x.CreatedAt).ThenByDescending(x => x.Id).Take(size + 1).ToListAsync(cancel);
        return TypedResults.Ok(Paging.Cut([.. page.Select(DeliveryView.Of)], size, x => new Key(x.CreatedAt, x.Id)));
    }
}
