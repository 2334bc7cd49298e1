using System.Net;
using System.Net.Http.Json;

namespace OpsPlatform.Identity.Tests;

[Collection(IdentityCollection.Name)]
public sealed class SessionTests(IdentityFixture fixture)
{
    [Fact]
    public async Task Log_in_opens_a_session_and_a_wrong_password_or_an_unknown_address_get_the_same_answer()
    {
        var owner = await fixture.Register();
        var session = await fixture.Post<SessionAnswer>("/identity/login", new { email = owner.Email, password = IdentityFixture.Password });
        session.OrganisationId.ShouldBe(owner.Session.OrganisationId);

        await (await LogIn(owner.Email, "wrong password")).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid-credentials");
        await (await LogIn(IdentityFixture.NewEmail(), "wrong password")).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid-credentials");
        await (await fixture.Post("/identity/login", new { email = owner.Email })).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid-body");
    }

    [Fact]
    public async Task Log_in_to_an_organisation_one_does_not_belong_to_is_refused()
    {
        var owner = await fixture.Register();
        var other = await fixture.Register();

        await (await fixture.Post("/identity/login", new { email = owner.Email, password = IdentityFixture.Password, organisationId = other.Session.OrganisationId }))
            .ShouldBeProblem(HttpStatusCode.NotFound, "not-found");
    }

    [Fact]
    public async Task Guesses_made_at_once_do_not_outrun_the_lock_out()
    {
        var owner = await fixture.Register();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => LogIn(owner.Email, "wrong password")));

        await (await LogIn(owner.Email, IdentityFixture.Password)).ShouldBeProblem(HttpStatusCode.Locked, "locked-out");
    }

    [Fact]
    public async Task A_shut_account_takes_the_work_of_checking_a_password_like_any_other()
    {
        var owner = await fixture.Register();

        for (var attempt = 1; attempt <= 7; attempt++)
        {
            await LogIn(owner.Email, "wrong password");
            fixture.Hasher.Checks(owner.Email).ShouldBe(attempt);
        }

        await (await LogIn(owner.Email, "wrong password")).ShouldBeProblem(HttpStatusCode.Locked, "locked-out");
    }

    [Fact]
    public async Task Four_wrong_passwords_are_forgotten_after_a_right_one()
    {
        var owner = await fixture.Register();

        for (var round = 0; round < 2; round++)
        {
            for (var guess = 0; guess < 4; guess++)
            {
                (await LogIn(owner.Email, "wrong password")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
            }

            (await LogIn(owner.Email, IdentityFixture.Password)).StatusCode.ShouldBe(HttpStatusCode.OK);
        }
    }

    [Fact]
    public async Task A_refresh_token_is_good_once_and_its_reuse_ends_the_whole_log_in()
    {
        var owner = await fixture.Register();
        var second = await fixture.Post<SessionAnswer>("/identity/refresh", new { refreshToken = owner.Session.RefreshToken });
        second.RefreshToken.ShouldNotBe(owner.Session.RefreshToken);
        var third = await fixture.Post<SessionAnswer>("/identity/refresh", new { refreshToken = second.RefreshToken });

        await (await Refresh(owner.Session.RefreshToken)).ShouldBeProblem(HttpStatusCode.Unauthorized, "refresh-reused");
        await (await Refresh(third.RefreshToken)).ShouldBeProblem(HttpStatusCode.Unauthorized, "refresh-invalid");
    }

    [Fact]
    public async Task Reuse_ends_only_the_log_in_it_belongs_to()
    {
        var owner = await fixture.Register();
        var elsewhere = await fixture.Post<SessionAnswer>("/identity/login", new { email = owner.Email, password = IdentityFixture.Password });
        var second = await fixture.Post<SessionAnswer>("/identity/refresh", new { refreshToken = owner.Session.RefreshToken });
        await Refresh(second.RefreshToken);
        await (await Refresh(owner.Session.RefreshToken)).ShouldBeProblem(HttpStatusCode.Unauthorized, "refresh-reused");

        (await Refresh(elsewhere.RefreshToken)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Refreshes_with_one_token_at_once_get_the_same_successor_and_it_goes_on()
    {
        for (var round = 0; round < 4; round++)
        {
            var owner = await fixture.Register();
            var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => fixture.Post<SessionAnswer>("/identity/refresh", new { refreshToken = owner.Session.RefreshToken })));
            answers.Select(answer => answer.RefreshToken).Distinct().Count().ShouldBe(1);
            answers[0].RefreshToken.ShouldNotBe(owner.Session.RefreshToken);

            (await Refresh(answers[0].RefreshToken)).StatusCode.ShouldBe(HttpStatusCode.OK);
            // Its successor was used: whoever still shows the first is not the client that went on.
            await (await Refresh(owner.Session.RefreshToken)).ShouldBeProblem(HttpStatusCode.Unauthorized, "refresh-reused");
        }
    }

    [Fact]
    public async Task Logging_out_ends_the_log_in_and_may_be_said_twice()
    {
        var owner = await fixture.Register();
        (await fixture.Post("/identity/logout", new { refreshToken = owner.Session.RefreshToken })).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await fixture.Post("/identity/logout", new { refreshToken = owner.Session.RefreshToken })).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await fixture.Post("/identity/logout", new { refreshToken = "unknown" })).StatusCode.ShouldBe(HttpStatusCode.NoContent);

        await (await Refresh(owner.Session.RefreshToken)).ShouldBeProblem(HttpStatusCode.Unauthorized, "refresh-invalid");
    }

    [Fact]
    public async Task Switching_opens_a_session_for_another_organisation_of_ones_own_only()
    {
        var host = await fixture.Register();
        var guest = await fixture.Register();
        var stranger = await fixture.Register();
        (await guest.Client.PostAsJsonAsync("/identity/join", new { code = (await IdentityFixture.Invite(host, guest.Email)).Code })).EnsureSuccessStatusCode();

        var switched = await (await guest.Client.PostAsJsonAsync("/identity/switch", new { organisationId = host.Session.OrganisationId }))
            .Content.ReadFromJsonAsync<SessionAnswer>();
        switched!.OrganisationId.ShouldBe(host.Session.OrganisationId);
        using var there = fixture.ClientOf(switched);
        var me = await (await there.GetAsync("/identity/me")).Json();
        me.GetProperty("role").GetString().ShouldBe("staff");
        me.GetProperty("organisations").GetArrayLength().ShouldBe(2);

        // The organisation joined first stays the one log-in chooses, whatever is joined later.
        (await fixture.Post<SessionAnswer>("/identity/login", new { email = guest.Email, password = IdentityFixture.Password }))
            .OrganisationId.ShouldBe(guest.Session.OrganisationId);
        await (await guest.Client.PostAsJsonAsync("/identity/switch", new { organisationId = stranger.Session.OrganisationId }))
            .ShouldBeProblem(HttpStatusCode.NotFound, "not-found");
    }

    private Task<HttpResponseMessage> LogIn(string email, string password) => fixture.Post("/identity/login", new { email, password });

    private Task<HttpResponseMessage> Refresh(string refreshToken) => fixture.Post("/identity/refresh", new { refreshToken });
}
