using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Identity.Sessions;

/// <summary>
/// Five wrong passwords shut an address for 15 minutes, whether anybody is known by it or not. Counted and asked in single
/// statements: however many guesses are made at once, a right one counts only if fewer than five wrong ones were told before it.
/// </summary>
internal static class LockOut
{
    public const int MaxWrong = 5;

    public static readonly TimeSpan Duration = TimeSpan.FromMinutes(15);

    /// <summary>Wrong passwords are forgotten after this time without another.</summary>
    private static readonly TimeSpan RememberedFor = TimeSpan.FromDays(1);

    /// <param name="normalizedEmail">As accounts are told apart.</param>
    public static byte[] KeyOf(string normalizedEmail) => SHA256.HashData(Encoding.UTF8.GetBytes(normalizedEmail));

    /// <returns>Until when the address is shut, and whether it was this one that shut it; null while it is open.</returns>
    public static async Task<(DateTimeOffset Until, bool ByThis)?> CountWrong(IdentityDb db, byte[] key, DateTimeOffset now, CancellationToken cancel)
    {
        // Whole microseconds, as the database keeps them.
        var until = now + Duration;
        until = until.AddTicks(-(until.Ticks % TimeSpan.TicksPerMicrosecond));
        var shut = (await db.Database.SqlQuery<DateTimeOffset?>($"""
            INSERT INTO sign_in_failures AS f (address_hash, wrong, changed_at) VALUES ({key}, 1, {now})
            ON CONFLICT (address_hash) DO UPDATE SET
              wrong = CASE WHEN f.shut_until > {now} THEN 0 WHEN f.wrong + 1 >= {MaxWrong} THEN 0 ELSE f.wrong + 1 END,
              shut_until = CASE WHEN f.shut_until > {now} THEN f.shut_until WHEN f.wrong + 1 >= {MaxWrong} THEN {until} END,
              changed_at = {now}
            RETURNING shut_until
            """).ToListAsync(cancel))[0];

        return shut is { } end ? (end, end == until) : null;
    }

    /// <returns>Until when the address is shut; null when it is open, and its wrong passwords are forgotten.</returns>
    public static async Task<DateTimeOffset?> TryPass(IdentityDb db, byte[] key, DateTimeOffset now, CancellationToken cancel)
    {
        var passed = await db.Database.ExecuteSqlAsync($"""
            INSERT INTO sign_in_failures AS f (address_hash, wrong, changed_at) VALUES ({key}, 0, {now})
            ON CONFLICT (address_hash) DO UPDATE SET wrong = 0, shut_until = NULL, changed_at = {now}
            WHERE f.shut_until IS NULL OR f.shut_until <= {now}
            """, cancel) == 1;

        return passed
            ? null
            : (await db.Database.SqlQuery<DateTimeOffset?>($"SELECT shut_until FROM sign_in_failures WHERE address_hash = {key}").ToListAsync(cancel))
                .SingleOrDefault() ?? now;
    }

    public static Task SweepSignInFailures(this IdentityDb db, DateTimeOffset now, CancellationToken cancel) =>
        db.Database.ExecuteSqlAsync($"DELETE FROM sign_in_failures WHERE changed_at < {now - RememberedFor}", cancel);
}
