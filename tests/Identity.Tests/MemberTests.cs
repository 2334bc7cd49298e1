using System.Net;
using System.Net.Http.Json;
using OpsPlatform.Contracts;

namespace OpsPlatform.Identity.Tests;

[Collection(IdentityCollection.Name)]
public sealed class MemberTests(IdentityFixture fixture)
{
    [Fact]
    public async Task Members_are_listed_in_the_order_they_joined()
    {
        var owner = await fixture.Register();
        var member = await fixture.Join(owner, "staff");
        var first = await (await owner.Client.GetAsync("/identity/members?limit=1")).Json();
        var second = await (await owner.Client.GetAsync($"/identity/members?limit=1&cursor={first.GetProperty("nextCursor").GetString()}")).Json();
        first.GetProperty("items")[0].GetProperty("userId").GetGuid().ShouldBe(owner.Session.UserId);
        second.GetProperty("items")[0].GetProperty("email").GetString().ShouldBe(member.Email);
        second.GetProperty("nextCursor").GetString().ShouldBeNull();
    }

    [Fact]
    public async Task Members_are_an_admins_business_and_owners_an_owners()
    {
        var owner = await fixture.Register();
        var staff = await fixture.Join(owner, "staff");
        var admin = await fixture.Join(owner, "admin");

        await (await staff.Client.GetAsync("/identity/members")).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden");
        (await owner.Client.PostAsJsonAsync("/identity/members", new { })).StatusCode.ShouldBe(HttpStatusCode.MethodNotAllowed);
        await (await admin.Client.PutAsJsonAsync($"/identity/members/{staff.Session.UserId}", new { role = "admin" })).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden");
        await (await admin.Client.DeleteAsync($"/identity/members/{owner.Session.UserId}")).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden");
        await (await owner.Client.PutAsJsonAsync($"/identity/members/{staff.Session.UserId}", new { role = "king" })).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid");
        await (await owner.Client.PutAsJsonAsync($"/identity/members/{Guid.NewGuid()}", new { role = "admin" })).ShouldBeProblem(HttpStatusCode.NotFound, "not-found");
    }

    [Fact]
    public async Task A_new_role_is_in_the_token_after_the_next_refresh()
    {
        var owner = await fixture.Register();
        var member = await fixture.Join(owner, "viewer");
        (await owner.Client.PutAsJsonAsync($"/identity/members/{member.Session.UserId}", new { role = "admin" })).EnsureSuccessStatusCode();
        var refreshed = await fixture.Post<SessionAnswer>("/identity/refresh", new { refreshToken = member.Session.RefreshToken });
        using var client = fixture.ClientOf(refreshed);

        (await client.GetAsync("/identity/members")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_removed_member_is_announced_cannot_refresh_and_changes_nothing_with_the_token_left()
    {
        var left = await fixture.Broker.Listen<MemberLeft>();
        var owner = await fixture.Register();
        var admin = await fixture.Join(owner, "admin");
        (await owner.Client.DeleteAsync($"/identity/members/{admin.Session.UserId}")).StatusCode.ShouldBe(HttpStatusCode.NoContent);

        (await left.Next(owner.Session.OrganisationId)).Message.ShouldBe(new MemberLeft(admin.Session.UserId));
        await (await fixture.Post("/identity/refresh", new { refreshToken = admin.Session.RefreshToken })).ShouldBeProblem(HttpStatusCode.Unauthorized, "refresh-invalid");
        await (await admin.Client.PostAsJsonAsync("/identity/invitations", new { email = IdentityFixture.NewEmail(), role = "staff" }))
            .ShouldBeProblem(HttpStatusCode.Forbidden, "not-a-member");
        await (await owner.Client.DeleteAsync($"/identity/members/{admin.Session.UserId}")).ShouldBeProblem(HttpStatusCode.NotFound, "not-found");
    }

    [Fact]
    public async Task The_last_owner_stays()
    {
        var owner = await fixture.Register();

        await (await owner.Client.DeleteAsync($"/identity/members/{owner.Session.UserId}")).ShouldBeProblem(HttpStatusCode.Conflict, "last-owner");
        await (await owner.Client.PutAsJsonAsync($"/identity/members/{owner.Session.UserId}", new { role = "viewer" })).ShouldBeProblem(HttpStatusCode.Conflict, "last-owner");
    }

    [Fact]
    public async Task Two_owners_who_remove_each_other_at_once_leave_one()
    {
        var one = await fixture.Register();

        for (var round = 0; round < 5; round++)
        {
            var two = await fixture.Join(one, "owner");
            var answers = await Task.WhenAll(
                one.Client.DeleteAsync($"/identity/members/{one.Session.UserId}"),
                two.Client.DeleteAsync($"/identity/members/{two.Session.UserId}"));

            answers.Count(answer => answer.StatusCode == HttpStatusCode.NoContent).ShouldBe(1);
            one = answers[0].StatusCode == HttpStatusCode.NoContent ? two : one;
        }
    }
}
