using System.Net;
using System.Net.Http.Json;
using Npgsql;
using OpsPlatform.Contracts;

namespace OpsPlatform.Identity.Tests;

[Collection(IdentityCollection.Name)]
public sealed class InvitationTests(IdentityFixture fixture)
{
    [Fact]
    public async Task An_invited_person_joins_with_their_own_account_and_is_announced()
    {
        var joined = await fixture.Broker.Listen<MemberJoined>();
        var host = await fixture.Register();
        var guest = await fixture.Register();
        await joined.Next(host.Session.OrganisationId);
        var invitation = await IdentityFixture.Invite(host, guest.Email.ToUpperInvariant(), "admin");
        (invitation.Email, invitation.Role, invitation.Code.Length).ShouldBe((guest.Email, "admin", 43));
        var session = await (await Join(guest, invitation.Code)).Content.ReadFromJsonAsync<SessionAnswer>();

        (session!.UserId, session.OrganisationId).ShouldBe((guest.Session.UserId, host.Session.OrganisationId));
        (await joined.Next(host.Session.OrganisationId)).Message.ShouldBe(new MemberJoined(guest.Session.UserId, "admin"));
        using var there = fixture.ClientOf(session);
        (await (await there.GetAsync("/identity/me")).Json()).GetProperty("role").GetString().ShouldBe("admin");
        await (await Join(guest, invitation.Code)).ShouldBeProblem(HttpStatusCode.NotFound, "no-such-invitation");
    }

    [Fact]
    public async Task Nobody_is_a_member_before_they_take_the_invitation_up()
    {
        var host = await fixture.Register();
        var guest = await fixture.Register();
        await IdentityFixture.Invite(host, guest.Email);

        (await (await host.Client.GetAsync("/identity/members")).Json()).GetProperty("items").GetArrayLength().ShouldBe(1);
        (await (await guest.Client.GetAsync("/identity/me")).Json()).GetProperty("organisations").GetArrayLength().ShouldBe(1);
    }

    [Fact]
    public async Task A_person_without_an_account_opens_one_with_the_code_and_founds_nothing()
    {
        var host = await fixture.Register();
        var email = IdentityFixture.NewEmail();
        var invitation = await IdentityFixture.Invite(host, email);
        var session = await fixture.Post<SessionAnswer>("/identity/register", IdentityFixture.Acceptance(email, invitation.Code));

        session.OrganisationId.ShouldBe(host.Session.OrganisationId);
        using var client = fixture.ClientOf(session);
        var me = await (await client.GetAsync("/identity/me")).Json();
        me.GetProperty("role").GetString().ShouldBe("staff");
        me.GetProperty("organisations").GetArrayLength().ShouldBe(1);
        await (await fixture.Post("/identity/register", IdentityFixture.Acceptance(IdentityFixture.NewEmail(), invitation.Code)))
            .ShouldBeProblem(HttpStatusCode.NotFound, "no-such-invitation");
    }

    [Fact]
    public async Task A_code_is_good_for_the_invited_address_only()
    {
        var host = await fixture.Register();
        var thief = await fixture.Register();
        var guest = await fixture.Register();
        var code = (await IdentityFixture.Invite(host, guest.Email)).Code;

        await (await Join(thief, code)).ShouldBeProblem(HttpStatusCode.Forbidden, "not-your-invitation");
        await (await fixture.Post("/identity/register", IdentityFixture.Acceptance(IdentityFixture.NewEmail(), code)))
            .ShouldBeProblem(HttpStatusCode.Forbidden, "not-your-invitation");
        await (await fixture.Post("/identity/register", IdentityFixture.Acceptance(guest.Email, code))).ShouldBeProblem(HttpStatusCode.Conflict, "email-taken");
        await (await Join(guest, "unknown")).ShouldBeProblem(HttpStatusCode.NotFound, "no-such-invitation");
        (await fixture.Post("/identity/join", new { code })).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await Join(guest, code)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Of_many_who_take_an_invitation_up_at_once_exactly_one_joins()
    {
        var host = await fixture.Register();
        var guest = await fixture.Register();
        var email = IdentityFixture.NewEmail();
        var (ofGuest, ofNew) = ((await IdentityFixture.Invite(host, guest.Email)).Code, (await IdentityFixture.Invite(host, email)).Code);
        var joins = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Join(guest, ofGuest)));
        var registrations = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => fixture.Post("/identity/register", IdentityFixture.Acceptance(email, ofNew))));

        joins.Count(answer => answer.StatusCode == HttpStatusCode.OK).ShouldBe(1);
        registrations.Count(answer => answer.StatusCode == HttpStatusCode.Created).ShouldBe(1);
        foreach (var lost in registrations.Where(answer => !answer.IsSuccessStatusCode))
        {
            await lost.ShouldBeProblem(HttpStatusCode.NotFound, "no-such-invitation");
        }

        (await (await host.Client.GetAsync("/identity/members")).Json()).GetProperty("items").GetArrayLength().ShouldBe(3);
    }

    [Fact]
    public async Task A_member_cannot_join_again_and_a_removed_one_not_with_a_code_from_before()
    {
        var host = await fixture.Register();
        var guest = await fixture.Join(host, "staff");
        var code = (await IdentityFixture.Invite(host, guest.Email, "admin")).Code;
        await (await Join(guest, code)).ShouldBeProblem(HttpStatusCode.Conflict, "already-member");

        (await host.Client.DeleteAsync($"/identity/members/{guest.Session.UserId}")).EnsureSuccessStatusCode();
        await (await Join(guest, code)).ShouldBeProblem(HttpStatusCode.NotFound, "no-such-invitation");
    }

    [Fact]
    public async Task Invitations_are_listed_without_codes_and_void_once_withdrawn_or_sent_anew()
    {
        var host = await fixture.Register();
        var guest = await fixture.Register();
        var other = await IdentityFixture.Invite(host, IdentityFixture.NewEmail());
        var before = await IdentityFixture.Invite(host, guest.Email);
        var again = await IdentityFixture.Invite(host, guest.Email);
        var text = await host.Client.GetStringAsync("/identity/invitations");
        text.ShouldNotContain(again.Code);
        text.ShouldNotContain("ode\"");
        text.ShouldNotContain(before.Id.ToString());
        var first = await (await host.Client.GetAsync("/identity/invitations?limit=1")).Json();
        var second = await (await host.Client.GetAsync($"/identity/invitations?limit=1&cursor={first.GetProperty("nextCursor").GetString()}")).Json();
        first.GetProperty("items")[0].GetProperty("id").GetGuid().ShouldBe(other.Id);
        second.GetProperty("items")[0].GetProperty("email").GetString().ShouldBe(guest.Email);
        second.GetProperty("nextCursor").GetString().ShouldBeNull();

        await (await Join(guest, before.Code)).ShouldBeProblem(HttpStatusCode.NotFound, "no-such-invitation");
        (await host.Client.DeleteAsync($"/identity/invitations/{again.Id}")).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await (await host.Client.DeleteAsync($"/identity/invitations/{again.Id}")).ShouldBeProblem(HttpStatusCode.NotFound, "no-such-invitation");
        await (await Join(guest, again.Code)).ShouldBeProblem(HttpStatusCode.NotFound, "no-such-invitation");
    }

    [Fact]
    public async Task Inviting_is_an_admins_business_an_owner_only_an_owners_and_never_another_organisations()
    {
        var owner = await fixture.Register();
        var staff = await fixture.Join(owner, "staff");
        var admin = await fixture.Join(owner, "admin");
        var stranger = await fixture.Register();
        var invitation = await IdentityFixture.Invite(owner, IdentityFixture.NewEmail(), "owner");

        await (await TryInvite(staff, "viewer")).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden");
        await (await staff.Client.GetAsync("/identity/invitations")).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden");
        await (await staff.Client.DeleteAsync($"/identity/invitations/{invitation.Id}")).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden");
        await (await TryInvite(admin, "owner")).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden");
        (await TryInvite(admin, "admin")).StatusCode.ShouldBe(HttpStatusCode.Created);
        await (await TryInvite(owner, "king")).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid");
        (await (await stranger.Client.GetAsync("/identity/invitations")).Json()).GetProperty("items").GetArrayLength().ShouldBe(0);
        await (await stranger.Client.DeleteAsync($"/identity/invitations/{invitation.Id}")).ShouldBeProblem(HttpStatusCode.NotFound, "no-such-invitation");
    }

    [Fact]
    public async Task An_invitation_is_good_for_seven_days_and_void_and_unlisted_after()
    {
        var host = await fixture.Register();
        var guest = await fixture.Register();
        var invitation = await IdentityFixture.Invite(host, guest.Email);
        invitation.ExpiresAt.ShouldBe(DateTimeOffset.UtcNow.AddDays(7), TimeSpan.FromMinutes(1));
        await using (var own = await fixture.OpenAs("app", host.Session.OrganisationId))
        {
            await Scalar(own, "UPDATE invitations SET expires_at = now()");
        }

        (await (await host.Client.GetAsync("/identity/invitations")).Json()).GetProperty("items").GetArrayLength().ShouldBe(0);
        await (await Join(guest, invitation.Code)).ShouldBeProblem(HttpStatusCode.NotFound, "no-such-invitation");
        await (await fixture.Post("/identity/register", IdentityFixture.Acceptance(guest.Email, invitation.Code)))
            .ShouldBeProblem(HttpStatusCode.NotFound, "no-such-invitation");
    }

    [Fact]
    public async Task The_database_shows_an_invitation_to_its_organisation_and_keeps_only_a_hash_of_the_code()
    {
        var host = await fixture.Register();
        var stranger = await fixture.Register();
        var code = (await IdentityFixture.Invite(host, IdentityFixture.NewEmail())).Code;
        await using var own = await fixture.OpenAs("app", host.Session.OrganisationId);
        await using var other = await fixture.OpenAs("app", stranger.Session.OrganisationId);
        await using var relay = await fixture.OpenAs("relay");

        (await Scalar(own, "SELECT count(*) FROM invitations")).ShouldBe(1L);
        ((string)(await Scalar(own, "SELECT i::text FROM invitations i"))!).ShouldNotContain(code);
        (await Scalar(other, "SELECT count(*) FROM invitations")).ShouldBe(0L);
        (await Should.ThrowAsync<PostgresException>(() => Scalar(relay, "SELECT count(*) FROM find_invitation('x')"))).SqlState
            .ShouldBe(PostgresErrorCodes.InsufficientPrivilege);
    }

    private static Task<HttpResponseMessage> Join(Person guest, string code) => guest.Client.PostAsJsonAsync("/identity/join", new { code });

    private static Task<HttpResponseMessage> TryInvite(Person host, string role) =>
        host.Client.PostAsJsonAsync("/identity/invitations", new { email = IdentityFixture.NewEmail(), role });

    private static async Task<object?> Scalar(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);

        return await command.ExecuteScalarAsync();
    }
}
