using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.OperationTracking.Alerts.Webhooks;

/// <summary>Makes a new secret, shown for the only time; the one before signs besides it for 24 hours, so that the receiver can change over.</summary>
internal static class RotateSecret
{
    /// <summary>Of a webhook at a time: each makes the header longer.</summary>
    public const int MaxSecrets = 5;

    private static readonly TimeSpan Overlap = TimeSpan.FromHours(24);

    /// <param name="Secret">whsec_ and base64. It cannot be shown again.</param>
    /// <param name="OldSignsUntil">So long what is sent is signed with the secret before, too.</param>
    public record Response(string Secret, DateTimeOffset OldSignsUntil);

    public static async Task<Results<Ok<Response>, NotFound, ProblemHttpResult>> Handle(Guid id, OperationsDb db, TimeProvider time, CancellationToken cancel)
    {
        var now = time.GetUtcNow();
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        // One at a time: only one secret is the present one.
        if (!await db.Webhooks.FromSql($"SELECT * FROM webhooks WHERE org_id = (SELECT current_org()) AND id = {id} FOR NO KEY UPDATE").AsNoTracking().AnyAsync(cancel))
        {
            return TypedResults.NotFound();
        }

        await db.Database.ExecuteSqlAsync($"DELETE FROM webhook_secrets WHERE webhook_id = {id} AND expires_at <= {now}", cancel);
        var signing = await db.Database.SqlQuery<int>($"SELECT count(*)::int AS \"Value\" FROM webhook_secrets WHERE webhook_id = {id}").SingleAsync(cancel);
        if (signing >= MaxSecrets)
        {
            return Problems.TooManySecrets(MaxSecrets);
        }

        var secret = WebhookSecret.New();
        await db.Database.ExecuteSqlAsync($"UPDATE webhook_secrets SET expires_at = {now + Overlap} WHERE webhook_id = {id} AND expires_at IS NULL", cancel);
        await db.Database.ExecuteSqlAsync($"INSERT INTO webhook_secrets (webhook_id, secret) VALUES ({id}, {secret})", cancel);
        await transaction.CommitAsync(cancel);
        return TypedResults.Ok(new Response(WebhookSecret.Text(secret), now + Overlap));
    }
}
