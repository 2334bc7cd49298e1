using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using OpsPlatform.Identity.Keys;
using OpsPlatform.Testing;

namespace OpsPlatform.Identity.Tests;

/// <summary>A service of their own: they put its clock forward.</summary>
public sealed class TimeTests(IdentityFixture fixture) : IClassFixture<IdentityFixture>
{
    [Fact]
    public async Task Five_wrong_passwords_shut_an_account_for_fifteen_minutes()
    {
        var owner = await fixture.Register();

        for (var guess = 0; guess < 5; guess++)
        {
            await (await LogIn(owner.Email, "wrong password")).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid-credentials");
        }

        await (await LogIn(owner.Email, IdentityFixture.Password)).ShouldBeProblem(HttpStatusCode.Locked, "locked-out");
        fixture.Time.Forward(TimeSpan.FromMinutes(14));
        await (await LogIn(owner.Email, IdentityFixture.Password)).ShouldBeProblem(HttpStatusCode.Locked, "locked-out");
        fixture.Time.Forward(TimeSpan.FromMinutes(1));
        (await LogIn(owner.Email, IdentityFixture.Password)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_refresh_token_dies_after_thirty_days()
    {
        var owner = await fixture.Register();
        fixture.Time.Forward(TimeSpan.FromDays(30));

        await (await fixture.Post("/identity/refresh", new { refreshToken = owner.Session.RefreshToken })).ShouldBeProblem(HttpStatusCode.Unauthorized, "refresh-invalid");
    }

    [Fact]
    public async Task A_new_key_is_published_before_it_signs_and_the_old_one_until_its_tokens_are_dead()
    {
        await Rotate();
        var old = (await Published())[^1];
        fixture.Time.Forward(TimeSpan.FromDays(31));
        await Rotate();
        var both = await Published();
        both[^1].ShouldNotBe(old);
        both.ShouldContain(old);
        (await SignedBy()).ShouldBe(old);

        fixture.Time.Forward(TimeSpan.FromMinutes(15));
        (await SignedBy()).ShouldBe(both[^1]);
        await Rotate();
        (await Published()).ShouldContain(old);

        fixture.Time.Forward(TimeSpan.FromMinutes(12));
        await Rotate();
        (await Published()).ShouldBe([both[^1]]);
    }

    [Fact]
    public async Task Replicas_that_rotate_at_once_make_one_key()
    {
        await Rotate();
        var before = await Published();
        fixture.Time.Forward(TimeSpan.FromDays(31));
        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => Rotate()));

        (await Published()).Except(before).Count().ShouldBe(1);
    }

    [Fact]
    public async Task Ten_wrong_secrets_shut_a_name_for_a_minute_and_no_other_name()
    {
        for (var guess = 0; guess < 10; guess++)
        {
            (await Token("sync", $"guess {guess}")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        }

        var shut = await Token("sync", TokenIssuer.SecretOf("sync"));
        await shut.ShouldBeProblem(HttpStatusCode.TooManyRequests, "too-many-requests");
        shut.Headers.RetryAfter!.Delta!.Value.ShouldBeInRange(TimeSpan.FromSeconds(50), TimeSpan.FromMinutes(1));
        (await Token("orders", TokenIssuer.SecretOf("orders"))).StatusCode.ShouldBe(HttpStatusCode.OK);
        fixture.Time.Forward(TimeSpan.FromMinutes(1));
        (await Token("sync", TokenIssuer.SecretOf("sync"))).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    private Task<HttpResponseMessage> LogIn(string email, string password) => fixture.Post("/identity/login", new { email, password });

    private async Task Rotate()
    {
        await using var scope = fixture.Services.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<KeyRotation>().Run(CancellationToken.None);
    }

    private async Task<string[]> Published()
    {
        using var client = fixture.Anonymous();
        var set = JsonDocument.Parse(await client.GetStringAsync("/identity/.well-known/jwks.json")).RootElement;

        return [.. set.GetProperty("keys").EnumerateArray().Select(key => key.GetProperty("kid").GetString()!)];
    }

    private async Task<string> SignedBy() => new JsonWebTokenHandler().ReadJsonWebToken((await fixture.Register()).Session.AccessToken).Kid;

    private async Task<HttpResponseMessage> Token(string service, string secret)
    {
        using var client = fixture.Anonymous();
        return await client.PostAsync("/identity/token", new FormUrlEncodedContent(
            [new("grant_type", "client_credentials"), new("client_id", service), new("client_secret", secret)]));
    }
}
