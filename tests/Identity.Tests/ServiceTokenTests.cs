using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.Testing;

namespace OpsPlatform.Identity.Tests;

[Collection(IdentityCollection.Name)]
public sealed class ServiceTokenTests(IdentityFixture fixture)
{
    [Fact]
    public async Task A_service_gets_a_token_of_ten_minutes_for_itself_by_header_and_by_form()
    {
        foreach (var byHeader in new[] { true, false })
        {
            var answer = await (await Ask("orders", TokenIssuer.SecretOf("orders"), byHeader: byHeader)).Json();
            answer.GetProperty("token_type").GetString().ShouldBe("Bearer");
            answer.GetProperty("expires_in").GetInt32().ShouldBe(600);
            var token = await Verified(answer);
            token.Subject.ShouldBe("orders");
            token.GetClaim("role").Value.ShouldBe("service");
            token.Claims.ShouldNotContain(claim => claim.Type == "org");
            (token.ValidTo - token.IssuedAt).ShouldBe(TimeSpan.FromMinutes(10));
        }
    }

    [Fact]
    public async Task A_service_may_act_for_an_organisation_that_exists_and_for_no_other()
    {
        var owner = await fixture.Register();
        var answer = await (await Ask("orders", TokenIssuer.SecretOf("orders"), owner.Session.OrganisationId)).Json();
        (await Verified(answer)).GetClaim("org").Value.ShouldBe(owner.Session.OrganisationId.ToString());

        var refused = await Ask("orders", TokenIssuer.SecretOf("orders"), Guid.NewGuid());
        await refused.ShouldBeProblem(HttpStatusCode.BadRequest, "unknown-organisation");
        JsonDocument.Parse(await refused.Content.ReadAsStringAsync()).RootElement.GetProperty("error").GetString().ShouldBe("invalid_target");
    }

    [Theory]
    [InlineData("orders", "secret-of-inventory-in-the-tests")]
    [InlineData("orders", "")]
    [InlineData("Orders", "secret-of-orders-in-the-tests")]
    [InlineData("nobody", "")]
    [InlineData("", "")]
    [InlineData("orders:0", "secret-of-orders-in-the-tests")]
    public async Task Only_a_services_own_secret_under_its_own_name_is_taken(string client, string secret)
    {
        var refused = await Ask(client, secret);
        await refused.ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid-client");
        refused.Headers.WwwAuthenticate.ToString().ShouldBe("Basic");
    }

    [Fact]
    public async Task Anything_but_client_credentials_in_a_form_is_refused()
    {
        var secret = TokenIssuer.SecretOf("orders");
        await (await Ask("orders", secret, grant: "password")).ShouldBeProblem(HttpStatusCode.BadRequest, "unsupported-grant-type");
        await (await Ask("orders", secret, grant: "refresh_token")).ShouldBeProblem(HttpStatusCode.BadRequest, "unsupported-grant-type");
        await (await fixture.Post("/identity/token", new { grant_type = "client_credentials" })).ShouldBeProblem(HttpStatusCode.UnsupportedMediaType, "unsupported-media-type");
        using var client = fixture.Anonymous();
        var form = new FormUrlEncodedContent([new("grant_type", "client_credentials"), new("organisation_id", "Bäckerei")]);
        await (await client.PostAsync("/identity/token", form)).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid");
    }

    [Fact]
    public async Task A_service_token_is_no_persons()
    {
        var owner = await fixture.Register();
        foreach (var organisation in new Guid?[] { owner.Session.OrganisationId, null })
        {
            var answer = await (await Ask("orders", TokenIssuer.SecretOf("orders"), organisation)).Json();
            using var client = fixture.ClientWith(answer.GetProperty("access_token").GetString()!);
            foreach (var path in new[] { "/identity/me", "/identity/organisation", "/identity/members", "/identity/invitations", "/identity/errors" })
            {
                await (await client.GetAsync(path)).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden");
            }
        }
    }

    private async Task<JsonWebToken> Verified(JsonElement answer)
    {
        var text = answer.GetProperty("access_token").GetString()!;
        var token = new JsonWebToken(text);
        var keys = await fixture.Services.GetRequiredService<ISigningKeys>().Find(token.Kid, CancellationToken.None);
        new JsonWebTokenHandler().ValidateToken(text, ServiceDefaults.Auth.Tokens.Rules(keys)).IsValid.ShouldBeTrue();
        return token;
    }

    private async Task<HttpResponseMessage> Ask(
        string service, string secret, Guid? organisation = null, bool byHeader = true, string grant = "client_credentials")
    {
        using var client = fixture.Anonymous();
        var form = new Dictionary<string, string> { ["grant_type"] = grant };
        if (organisation is not null)
        {
            form["organisation_id"] = organisation.Value.ToString();
        }

        if (byHeader)
        {
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
                "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Uri.EscapeDataString(service)}:{Uri.EscapeDataString(secret)}")));
        }
        else
        {
            (form["client_id"], form["client_secret"]) = (service, secret);
        }

        return await client.PostAsync("/identity/token", new FormUrlEncodedContent(form));
    }
}
