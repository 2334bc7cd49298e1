using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace OpsPlatform.Identity.Tests;

/// <summary>Where somebody is logged in, and ending it.</summary>
[Collection(IdentityCollection.Name)]
public sealed class SessionListTests(IdentityFixture fixture)
{
    [Fact]
    public async Task Sessions_are_listed_with_device_and_address_the_latest_first_and_nobody_elses()
    {
        var owner = await fixture.Register();
        await fixture.Register();
        using var phone = fixture.Anonymous();
        phone.DefaultRequestHeaders.UserAgent.ParseAdd("Phone/1.0");
        phone.DefaultRequestHeaders.Add("X-Forwarded-For", "203.0.113.7");
        (await phone.PostAsJsonAsync("/identity/login", new { email = owner.Email, password = IdentityFixture.Password })).EnsureSuccessStatusCode();

        var first = await (await owner.Client.GetAsync("/identity/sessions?limit=1")).Json();
        var other = first.GetProperty("items")[0];
        other.GetProperty("userAgent").GetString().ShouldBe("Phone/1.0");
        other.GetProperty("address").GetString().ShouldBe("203.0.113.7");
        other.GetProperty("current").GetBoolean().ShouldBeFalse();
        other.GetProperty("organisationId").GetGuid().ShouldBe(owner.Session.OrganisationId);
        var second = await (await owner.Client.GetAsync($"/identity/sessions?limit=1&cursor={first.GetProperty("nextCursor").GetString()}")).Json();
        second.GetProperty("items")[0].GetProperty("current").GetBoolean().ShouldBeTrue();
        second.GetProperty("items")[0].GetProperty("address").GetString().ShouldBe("127.0.0.1");
        second.GetProperty("nextCursor").GetString().ShouldBeNull();
    }

    [Fact]
    public async Task A_refresh_shows_as_the_last_use_and_is_the_same_session()
    {
        var owner = await fixture.Register();
        var before = (await Sessions(owner))[0];
        await fixture.Post<SessionAnswer>("/identity/refresh", new { refreshToken = owner.Session.RefreshToken });
        var after = (await Sessions(owner)).ShouldHaveSingleItem();

        after.GetProperty("id").GetGuid().ShouldBe(before.GetProperty("id").GetGuid());
        after.GetProperty("lastUsedAt").GetDateTimeOffset().ShouldBeGreaterThan(before.GetProperty("lastUsedAt").GetDateTimeOffset());
        after.GetProperty("createdAt").GetDateTimeOffset().ShouldBe(before.GetProperty("createdAt").GetDateTimeOffset());
    }

    [Fact]
    public async Task A_revoked_session_cannot_be_refreshed_and_is_gone_from_the_list_and_cannot_be_revoked_twice()
    {
        var owner = await fixture.Register();
        var elsewhere = await LogIn(owner);
        var id = (await Sessions(owner)).Single(session => !session.GetProperty("current").GetBoolean()).GetProperty("id").GetGuid();
        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => owner.Client.DeleteAsync($"/identity/sessions/{id}")));

        answers.Count(answer => answer.StatusCode == HttpStatusCode.NoContent).ShouldBe(1);
        foreach (var late in answers.Where(answer => answer.StatusCode != HttpStatusCode.NoContent))
        {
            await late.ShouldBeProblem(HttpStatusCode.NotFound, "not-found");
        }

        await (await Refresh(elsewhere)).ShouldBeProblem(HttpStatusCode.Unauthorized, "refresh-invalid");
        (await Refresh(owner.Session)).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await Sessions(owner)).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task All_other_sessions_end_and_the_one_at_hand_goes_on()
    {
        var owner = await fixture.Register();
        var others = new[] { await LogIn(owner), await LogIn(owner) };
        (await (await owner.Client.PostAsync("/identity/sessions/revoke-others", null)).Json()).GetProperty("revoked").GetInt32().ShouldBe(2);
        (await (await owner.Client.PostAsync("/identity/sessions/revoke-others", null)).Json()).GetProperty("revoked").GetInt32().ShouldBe(0);

        foreach (var other in others)
        {
            await (await Refresh(other)).ShouldBeProblem(HttpStatusCode.Unauthorized, "refresh-invalid");
        }

        (await Refresh(owner.Session)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Nobody_ends_anothers_session_not_even_an_owner_of_the_organisation()
    {
        var owner = await fixture.Register();
        var member = await fixture.Join(owner, "staff");
        var stranger = await fixture.Register();
        var id = (await Sessions(member))[0].GetProperty("id").GetGuid();
        foreach (var other in new[] { owner, stranger })
        {
            await (await other.Client.DeleteAsync($"/identity/sessions/{id}")).ShouldBeProblem(HttpStatusCode.NotFound, "not-found");
        }

        (await Refresh(member.Session)).StatusCode.ShouldBe(HttpStatusCode.OK);
        await (await owner.Client.DeleteAsync($"/identity/sessions/{Guid.NewGuid()}")).ShouldBeProblem(HttpStatusCode.NotFound, "not-found");
    }

    [Fact]
    public async Task A_session_revoked_while_it_refreshes_is_dead_afterwards_whoever_comes_first()
    {
        for (var round = 0; round < 8; round++)
        {
            var owner = await fixture.Register();
            var elsewhere = await LogIn(owner);
            var refreshing = Refresh(elsewhere);
            var revoking = owner.Client.PostAsync("/identity/sessions/revoke-others", null);
            await Task.WhenAll(refreshing, revoking);
            if ((await refreshing).IsSuccessStatusCode)
            {
                await (await Refresh((await (await refreshing).Content.ReadFromJsonAsync<SessionAnswer>())!)).ShouldBeProblem(HttpStatusCode.Unauthorized, "refresh-invalid");
            }
        }
    }

    [Fact]
    public async Task Removed_from_their_only_organisation_a_person_comes_back_by_logging_in_with_an_invitation()
    {
        var owner = await fixture.Register();
        var member = await fixture.Join(owner, "staff");
        (await owner.Client.DeleteAsync($"/identity/members/{member.Session.UserId}")).EnsureSuccessStatusCode();
        var credentials = new { email = member.Email, password = IdentityFixture.Password };
        await (await fixture.Post("/identity/login", credentials)).ShouldBeProblem(HttpStatusCode.Forbidden, "no-organisation");

        var invitation = await IdentityFixture.Invite(owner, member.Email, "viewer");
        var accepting = new { email = member.Email, password = IdentityFixture.Password, invitationCode = invitation.Code };
        await (await fixture.Post("/identity/login", new { email = member.Email, password = "wrong", invitationCode = invitation.Code })).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid-credentials");
        var stranger = await fixture.Register();
        await (await fixture.Post("/identity/login", new { email = stranger.Email, password = IdentityFixture.Password, invitationCode = invitation.Code }))
            .ShouldBeProblem(HttpStatusCode.Forbidden, "not-your-invitation");
        var back = await fixture.Post<SessionAnswer>("/identity/login", accepting);
        back.OrganisationId.ShouldBe(owner.Session.OrganisationId);
        using var client = fixture.ClientOf(back);
        (await (await client.GetAsync("/identity/me")).Json()).GetProperty("role").GetString().ShouldBe("viewer");
        await (await fixture.Post("/identity/login", accepting)).ShouldBeProblem(HttpStatusCode.NotFound, "no-such-invitation");
        await (await fixture.Post("/identity/login", new { email = member.Email, password = IdentityFixture.Password, invitationCode = "x", organisationId = Guid.NewGuid() }))
            .ShouldBeProblem(HttpStatusCode.BadRequest, "invalid");
    }

    private Task<SessionAnswer> LogIn(Person person) =>
        fixture.Post<SessionAnswer>("/identity/login", new { email = person.Email, password = IdentityFixture.Password });

    private Task<HttpResponseMessage> Refresh(SessionAnswer session) => fixture.Post("/identity/refresh", new { refreshToken = session.RefreshToken });

    private static async Task<List<JsonElement>> Sessions(Person person) =>
        [.. (await (await person.Client.GetAsync("/identity/sessions")).Json()).GetProperty("items").EnumerateArray()];
}
