using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using OpsPlatform.Identity.Keys;
using OpsPlatform.Identity.Sessions;

namespace OpsPlatform.Identity.Tests;

/// <summary>A service of their own: they seal its keys.</summary>
public sealed class KeySealTests(IdentityFixture fixture) : IClassFixture<IdentityFixture>
{
    private static readonly string First = new('a', 32);
    private static readonly string Second = new('b', 32);

    [Fact]
    public async Task Plain_keys_are_sealed_at_the_next_start_sealed_anew_with_a_new_key_and_unreadable_without_it()
    {
        var before = await Rotate(new());
        before.SealedWith.ShouldBeNull();

        var first = await Rotate(new() { ["Identity:KeyEncryptionKey"] = First });
        first.Id.ShouldBe(before.Id);
        first.SealedWith.ShouldNotBeNull();
        first.PrivateKey.AsSpan().IndexOf(before.PrivateKey.AsSpan()).ShouldBe(-1);
        Seal(new() { ["Identity:KeyEncryptionKey"] = First }).Open(first).ShouldBe(before.PrivateKey);
        (await Rotate(new() { ["Identity:KeyEncryptionKey"] = First })).PrivateKey.ShouldBe(first.PrivateKey);

        foreach (var wrong in new Dictionary<string, string?>[] { new(), new() { ["Identity:KeyEncryptionKey"] = Second } })
        {
            (await Should.ThrowAsync<InvalidOperationException>(() => Rotate(wrong))).Message.ShouldContain("Identity__KeyEncryptionKey");
        }

        var second = await Rotate(new() { ["Identity:KeyEncryptionKey"] = Second, ["Identity:PreviousKeyEncryptionKey"] = First });
        second.SealedWith.ShouldNotBe(first.SealedWith);
        Seal(new() { ["Identity:KeyEncryptionKey"] = Second }).Open(second).ShouldBe(before.PrivateKey);

        // Altered, or put under another id, it does not open.
        second.PrivateKey[^1] ^= 1;
        Should.Throw<InvalidOperationException>(() => Seal(new() { ["Identity:KeyEncryptionKey"] = Second }).Open(second)).Message.ShouldContain("altered");
        var moved = new SigningKey { Id = "another", PrivateKey = first.PrivateKey, SealedWith = first.SealedWith, CreatedAt = default, SignsFrom = default };
        Should.Throw<InvalidOperationException>(() => Seal(new() { ["Identity:KeyEncryptionKey"] = First }).Open(moved));
        Should.Throw<InvalidOperationException>(() => Seal(new() { ["Identity:KeyEncryptionKey"] = "short" })).Message.ShouldContain("32");
    }

    private static KeySeal Seal(Dictionary<string, string?> settings) => new(new ConfigurationBuilder().AddInMemoryCollection(settings).Build());

    /// <summary>As a start with these settings does.</summary>
    private async Task<SigningKey> Rotate(Dictionary<string, string?> settings)
    {
        await using var scope = fixture.Services.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<IdentityDb>();
        await new KeyRotation(
            db, new KeyRing(TimeProvider.System), Seal(settings), scope.ServiceProvider.GetRequiredService<IOptions<SigningKeyOptions>>(),
            scope.ServiceProvider.GetRequiredService<IOptions<TokenLifetimes>>(), TimeProvider.System).Run(CancellationToken.None);
        return await db.SigningKeys.AsNoTracking().SingleAsync();
    }
}
