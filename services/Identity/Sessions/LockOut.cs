using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Identity.Sessions;

/// <summary>
/// After five wrong passwords an account is shut for 15 minutes. Counted and asked in single statements: however many
/// guesses are made at once, a right one counts only if fewer than five wrong ones were told before it.
/// </summary>
internal static class LockOut
{
    public const int MaxFailures = 5;

    public static readonly TimeSpan Duration = TimeSpan.FromMinutes(15);

    public static Task CountFailure(IdentityDb db, Guid userId, DateTimeOffset now, CancellationToken cancel)
    {
        var until = now + Duration;

        return db.Database.ExecuteSqlAsync($"""
            UPDATE users SET
              lockout_end = CASE WHEN access_failed_count + 1 >= {MaxFailures} THEN {until} ELSE lockout_end END,
              access_failed_count = CASE WHEN access_failed_count + 1 >= {MaxFailures} THEN 0 ELSE access_failed_count + 1 END
            WHERE id = {userId} AND (lockout_end IS NULL OR lockout_end <= {now})
            """, cancel);
    }

    /// <returns>False when the account was shut meanwhile.</returns>
    public static async Task<bool> TryPass(IdentityDb db, Guid userId, DateTimeOffset now, CancellationToken cancel) =>
        await db.Database.ExecuteSqlAsync($"""
            UPDATE users SET access_failed_count = 0, lockout_end = NULL
            WHERE id = {userId} AND (lockout_end IS NULL OR lockout_end <= {now})
            """, cancel) == 1;
}
