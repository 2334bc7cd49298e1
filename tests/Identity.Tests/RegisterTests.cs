using System.Net;
using System.Net.Http.Json;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.Identity.Tests;

[Collection(IdentityCollection.Name)]
public sealed class RegisterTests(IdentityFixture fixture)
{
    [Fact]
    public async Task Registering_founds_an_organisation_and_logs_its_owner_in()
    {
        var email = IdentityFixture.NewEmail();
        var response = await fixture.Post("/identity/register", IdentityFixture.Registration(email));
        response.StatusCode.ShouldBe(HttpStatusCode.Created);
        response.Headers.CacheControl!.NoStore.ShouldBeTrue();
        var session = (await response.Content.ReadFromJsonAsync<SessionAnswer>())!;
        (session.ExpiresIn, session.TokenType).ShouldBe((600, "Bearer"));

        using var client = fixture.ClientOf(session);
        var me = await (await client.GetAsync("/identity/me")).Json();
        me.GetProperty("email").GetString().ShouldBe(email);
        me.GetProperty("role").GetString().ShouldBe("owner");
        me.GetProperty("organisationId").GetGuid().ShouldBe(session.OrganisationId);
        me.GetProperty("organisations").GetArrayLength().ShouldBe(1);

        var organisation = await (await client.GetAsync("/identity/organisation")).Json();
        organisation.GetProperty("name").GetString().ShouldBe("Corner Café");
        organisation.GetProperty("dayStartsAt").GetString().ShouldBe("04:00");
        organisation.GetProperty("rowVersion").GetInt64().ShouldBe(1);
    }

    [Fact]
    public async Task The_owner_is_announced_as_a_member()
    {
        var joined = await fixture.Broker.Listen<MemberJoined>();
        var owner = await fixture.Register();

        (await joined.Next(owner.Session.OrganisationId)).Message.ShouldBe(new MemberJoined(owner.Session.UserId, "owner"));
    }

    [Fact]
    public async Task A_taken_email_address_is_refused_whatever_its_case()
    {
        var owner = await fixture.Register();

        await (await fixture.Post("/identity/register", IdentityFixture.Registration(owner.Email.ToUpperInvariant())))
            .ShouldBeProblem(HttpStatusCode.Conflict, "email-taken");
    }

    [Fact]
    public async Task Of_many_registrations_of_one_address_at_once_exactly_one_is_done()
    {
        var email = IdentityFixture.NewEmail();
        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => fixture.Post("/identity/register", IdentityFixture.Registration(email))));

        answers.Count(answer => answer.StatusCode == HttpStatusCode.Created).ShouldBe(1);
        foreach (var lost in answers.Where(answer => answer.StatusCode != HttpStatusCode.Created))
        {
            await lost.ShouldBeProblem(HttpStatusCode.Conflict, "email-taken");
        }
    }

    [Theory]
    [InlineData("email", "no address")]
    [InlineData("email", "two@@example.test")]
    [InlineData("email", "no@domain")]
    [InlineData("password", "too short")]
    [InlineData("displayName", " ")]
    [InlineData("displayName", null)]
    [InlineData("organisation.currency", "eur")]
    [InlineData("organisation.currency", "XYZ")]
    [InlineData("organisation.timeZone", "Europe/Atlantis")]
    [InlineData("organisation.dayStartsAt", "24:00")]
    [InlineData("organisation.name", "")]
    public async Task A_value_that_is_not_acceptable_is_named(string path, string? value)
    {
        value = path == "displayName" && value is null ? new string('x', 201) : value;
        string Or(string name, string good) => name == path ? value! : good;
        var response = await fixture.Post("/identity/register", new
        {
            email = Or("email", IdentityFixture.NewEmail()),
            password = Or("password", IdentityFixture.Password),
            displayName = Or("displayName", "Ada"),
            organisation = new
            {
                name = Or("organisation.name", "Café"),
                currency = Or("organisation.currency", "EUR"),
                timeZone = Or("organisation.timeZone", "Europe/Berlin"),
                dayStartsAt = Or("organisation.dayStartsAt", "00:00"),
            },
        });

        (await response.Content.ReadAsStringAsync()).ShouldContain($"\"{path}\"");
        await response.ShouldBeProblem(HttpStatusCode.BadRequest, "invalid");
    }

    [Fact]
    public async Task Exactly_one_of_an_organisation_and_an_invitation_code_is_given()
    {
        var (email, password, displayName) = (IdentityFixture.NewEmail(), IdentityFixture.Password, "Ada");
        var organisation = new { name = "Café", currency = "EUR", timeZone = "Europe/Berlin", dayStartsAt = "00:00" };
        var neither = await fixture.Post("/identity/register", new { email, password, displayName });
        var both = await fixture.Post("/identity/register", new { email, password, displayName, organisation, invitationCode = "x" });

        await neither.ShouldBeProblem(HttpStatusCode.BadRequest, "invalid");
        await both.ShouldBeProblem(HttpStatusCode.BadRequest, "invalid");
        (await both.Content.ReadAsStringAsync()).ShouldContain("\"invitationCode\"");
    }

    [Fact]
    public async Task The_demo_organisation_is_there_when_it_is_enabled()
    {
        var session = await Eventually.Is(
            async () => await fixture.Post("/identity/login", new { email = "demo@opsplatform.local", password = "Demo-Pass-1234" }),
            response => response.StatusCode == HttpStatusCode.OK);
        using var client = fixture.ClientOf((await session.Content.ReadFromJsonAsync<SessionAnswer>())!);
        var organisation = await (await client.GetAsync("/identity/organisation")).Json();

        organisation.GetProperty("name").GetString().ShouldBe("Demo Bakery");
        organisation.GetProperty("currency").GetString().ShouldBe("GBP");
        organisation.GetProperty("timeZone").GetString().ShouldBe("Europe/London");
    }
}
