using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Alerts.Webhooks;

/// <summary>Adds a receiver of events, told by the Standard Webhooks specification; the answer shows the secret that signs for the only time.</summary>
internal static class AddWebhook
{
    public const int MaxWebhooks = 100;

    /// <param name="Secret">whsec_ and base64, as libraries of the specification take it. It cannot be shown again.</param>
    public record Response(Guid Id, string Secret, string Url, IReadOnlyList<string> Events, IReadOnlyList<string>? OperationTypes, bool IsEnabled, DateTimeOffset CreatedAt);

    public static async Task<Results<Created<Response>, ProblemHttpResult>> Handle(
        WebhookRequest request, OperationsDb db, WebhookSettings settings, Caller caller, TimeProvider time, CancellationToken cancel)
    {
        if (WebhookTarget.Refusal(request.Url, settings) is { } refusal)
        {
            return Problems.BadWebhookUrl(refusal);
        }

        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock(hashtextextended({"webhooks " + caller.Org}, 0))", cancel);
        if (await db.Webhooks.CountAsync(cancel) >= MaxWebhooks)
        {
            return Problems.TooManyWebhooks(MaxWebhooks);
        }

        var row = new Webhook
        {
            OrgId = caller.Org,
            Id = Guid.CreateVersion7(),
            Url = request.Url,
            Events = [.. request.Events.Distinct()],
            OperationTypes = request.OperationTypes?.ToArray(),
            CreatedAt = time.GetUtcNow(),
            Disabled = request.IsEnabled ? null : WebhookDisabled.Paused,
            DisabledAt = request.IsEnabled ? null : time.GetUtcNow(),
        };
        db.Webhooks.Add(row);
        await db.SaveChangesAsync(cancel);
        var secret = WebhookSecret.New();
        await db.Database.ExecuteSqlAsync($"INSERT INTO webhook_secrets (webhook_id, secret) VALUES ({row.Id}, {secret})", cancel);
        await transaction.CommitAsync(cancel);
        return TypedResults.Created(
            $"/operations/webhooks/{row.Id}", new Response(row.Id, WebhookSecret.Text(secret), row.Url, row.Events, row.OperationTypes, request.IsEnabled, row.CreatedAt));
    }
}
