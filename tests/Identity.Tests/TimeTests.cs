using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Npgsql;
using OpsPlatform.Identity.Audit;
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

        for (var guess = 0; guess < 4; guess++)
        {
            await (await LogIn(owner.Email, "wrong password")).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid-credentials");
        }

        await (await LogIn(owner.Email, "wrong password")).ShouldBeProblem(HttpStatusCode.Locked, "locked-out");
        await (await LogIn(owner.Email, IdentityFixture.Password)).ShouldBeProblem(HttpStatusCode.Locked, "locked-out");
        fixture.Time.Forward(TimeSpan.FromMinutes(14));
        await (await LogIn(owner.Email, IdentityFixture.Password)).ShouldBeProblem(HttpStatusCode.Locked, "locked-out");
        fixture.Time.Forward(TimeSpan.FromMinutes(1));
        (await LogIn(owner.Email, IdentityFixture.Password)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task An_unknown_address_is_answered_like_a_known_one_from_the_first_wrong_password_to_the_lock_and_after_it()
    {
        var known = (await fixture.Register()).Email;
        var unknown = IdentityFixture.NewEmail();
        var dummies = fixture.Hasher.Checks("");
        for (var guess = 0; guess < 7; guess++)
        {
            List<string> answers = [];
            foreach (var email in new[] { known, unknown.ToUpperInvariant() })
            {
                var answer = await LogIn(email, "wrong password");
                var problem = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
                var wait = answer.Headers.RetryAfter?.Delta;
                wait.HasValue.ShouldBe(guess >= 4);
                (wait is null || (wait > TimeSpan.FromSeconds(880) && wait <= TimeSpan.FromSeconds(900))).ShouldBeTrue($"{wait}");
                answers.Add($"{answer.StatusCode} {problem.GetProperty("type")} {problem.GetProperty("title")} {string.Join(' ', problem.EnumerateObject().Select(member => member.Name))}");
            }

            answers[1].ShouldBe(answers[0]);
        }

        (fixture.Hasher.Checks("") - dummies).ShouldBe(7);
        fixture.Time.Forward(TimeSpan.FromMinutes(15));
        await (await LogIn(unknown, "wrong password")).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid-credentials");
    }

    [Fact]
    public async Task A_refresh_token_may_come_again_for_ten_seconds_and_is_stolen_after_that()
    {
        var owner = await fixture.Register();
        var first = await fixture.Post<SessionAnswer>("/identity/refresh", new { refreshToken = owner.Session.RefreshToken });
        fixture.Time.Forward(TimeSpan.FromSeconds(8));
        var again = await fixture.Post<SessionAnswer>("/identity/refresh", new { refreshToken = owner.Session.RefreshToken });
        again.RefreshToken.ShouldBe(first.RefreshToken);

        fixture.Time.Forward(TimeSpan.FromSeconds(3));
        await (await fixture.Post("/identity/refresh", new { refreshToken = owner.Session.RefreshToken })).ShouldBeProblem(HttpStatusCode.Unauthorized, "refresh-reused");
        await (await fixture.Post("/identity/refresh", new { refreshToken = first.RefreshToken })).ShouldBeProblem(HttpStatusCode.Unauthorized, "refresh-invalid");
    }

    [Fact]
    public async Task Weeks_of_the_audit_trail_older_than_four_hundred_days_are_dropped_and_no_others()
    {
        await using var admin = await fixture.OpenAs("owner");
        foreach (var week in new[] { "2020-01-06", "2020-01-13" })
        {
            await using var make = new NpgsqlCommand($"""
                CREATE TABLE audit_entries_{week.Replace("-", "", StringComparison.Ordinal)} PARTITION OF audit_entries FOR VALUES FROM ('{week} 00:00+00') TO ('{DateOnly.Parse(week).AddDays(7):yyyy-MM-dd} 00:00+00')
                """, admin);
            await make.ExecuteNonQueryAsync();
        }

        var forget = ActivatorUtilities.CreateInstance<ForgetAudit>(fixture.Services);
        (await forget.Run(CancellationToken.None)).ShouldBe(2);
        (await forget.Run(CancellationToken.None)).ShouldBe(0);
        await using var left = new NpgsqlCommand("SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit_entries'::regclass", admin);
        // The default one, last week, this one and two ahead.
        (await left.ExecuteScalarAsync()).ShouldBe(5L);
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
