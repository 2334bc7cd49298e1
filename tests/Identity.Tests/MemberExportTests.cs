using System.Net;
using System.Net.Http.Json;
using OpsPlatform.Testing;

namespace OpsPlatform.Identity.Tests;

[Collection(IdentityCollection.Name)]
public sealed class MemberExportTests(IdentityFixture fixture)
{
    private const string Path = "/identity/export/members";

    [Fact]
    public async Task A_service_is_told_all_members_of_the_organisation_it_acts_for_with_their_roles_of_now()
    {
        var owner = await fixture.Register();
        var staff = await fixture.Join(owner, "staff");
        await fixture.Register();
        using var operations = await Service(owner.Session.OrganisationId);
        (await Members(operations)).ShouldBe([(owner.Session.UserId, "owner", "Ada"), (staff.Session.UserId, "staff", "Bo")]);

        (await owner.Client.PutAsJsonAsync($"/identity/members/{staff.Session.UserId}", new { role = "admin" })).EnsureSuccessStatusCode();
        (await Members(operations)).ShouldBe([(owner.Session.UserId, "owner", "Ada"), (staff.Session.UserId, "admin", "Bo")]);

        (await owner.Client.DeleteAsync($"/identity/members/{staff.Session.UserId}")).EnsureSuccessStatusCode();
        (await Members(operations)).ShouldBe([(owner.Session.UserId, "owner", "Ada")]);
    }

    [Fact]
    public async Task Beside_services_only_an_admin_is_told_and_a_service_for_itself_finds_no_organisation()
    {
        var owner = await fixture.Register();
        (await Members(owner.Client)).Length.ShouldBe(1);
        (await (await fixture.Join(owner, "staff")).Client.GetAsync(Path)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        using var itself = await Service(null);
        await (await itself.GetAsync(Path)).ShouldBeProblem(HttpStatusCode.NotFound, "not-found");
    }

    private static async Task<(Guid User, string Role, string Name)[]> Members(HttpClient client) =>
        [.. (await (await client.GetAsync(Path)).Json()).GetProperty("items").EnumerateArray()
            .Select(x => (x.GetProperty("userId").GetGuid(), x.GetProperty("role").GetString()!, x.GetProperty("displayName").GetString()!))];

    private async Task<HttpClient> Service(Guid? org)
    {
        var client = fixture.Anonymous();
        var form = new Dictionary<string, string>
        {
            ["grant_type"] = "client_credentials",
            ["client_id"] = "operations",
            ["client_secret"] = TokenIssuer.SecretOf("operations"),
        };
        if (org is { } one)
        {
            form["organisation_id"] = one.ToString();
        }

        var token = await (await client.PostAsync("/identity/token", new FormUrlEncodedContent(form))).Json();
        client.DefaultRequestHeaders.Authorization = new("Bearer", token.GetProperty("access_token").GetString());
        return client;
    }
}
