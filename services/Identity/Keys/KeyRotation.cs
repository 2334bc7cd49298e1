using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using OpsPlatform.Identity.Sessions;
using OpsPlatform.ServiceDefaults.Auth;

namespace OpsPlatform.Identity.Keys;

/// <summary>Makes the first key and each next one ahead of its time, and drops a key when the last token it signed is dead. Seals what is not sealed with the key of now.</summary>
internal sealed class KeyRotation(
    IdentityDb db, KeyRing ring, KeySeal seal, IOptions<SigningKeyOptions> keyOptions, IOptions<TokenLifetimes> lifetimes, TimeProvider time)
{
    /// <summary>Covers replicas whose clocks differ and tokens signed at the very last moment.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(1);

    public async Task Run(CancellationToken cancel)
    {
        var now = time.GetUtcNow();

        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock(hashtext('opsplatform signing keys'))", cancel);
        var keys = await db.SigningKeys.OrderBy(key => key.SignsFrom).ThenBy(key => key.Id).ToListAsync(cancel);

        if (Next(keys.LastOrDefault(), now) is { } next)
        {
            keys.Add(next);
            db.SigningKeys.Add(next);
        }

        var dead = keys.Zip(keys.Skip(1), (key, successor) => (key, successor)).Where(pair => IsDead(pair.successor, now)).Select(pair => pair.key).ToList();
        db.SigningKeys.RemoveRange(dead);
        var opened = keys.Except(dead).ToDictionary(key => key, seal.Open);

        foreach (var (key, pkcs8) in opened.Where(pair => !seal.IsCurrent(pair.Key)))
        {
            seal.Seal(key, pkcs8);
        }

        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);

        ring.Load([.. keys.Except(dead).Select(key => (key, opened[key]))]);
    }

    private SigningKey? Next(SigningKey? youngest, DateTimeOffset now)
    {
        if (youngest is null)
        {
            return SigningKey.Make(now, signsFrom: now);
        }

        var due = youngest.SignsFrom + keyOptions.Value.SignsFor;
        var announced = now + keyOptions.Value.PublishedAhead;

        return due <= announced ? SigningKey.Make(now, signsFrom: announced) : null;
    }

    private bool IsDead(SigningKey successor, DateTimeOffset now) =>
        successor.SignsFrom + lifetimes.Value.AccessToken + Tokens.ClockSkew + Margin <= now;
}
