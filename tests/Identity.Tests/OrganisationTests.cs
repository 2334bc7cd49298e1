using System.Net;
using System.Net.Http.Json;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.Identity.Tests;

[Collection(IdentityCollection.Name)]
public sealed class OrganisationTests(IdentityFixture fixture)
{
    private static readonly object Changed = new { name = "Bakery", currency = "GBP", timeZone = "Europe/London", dayStartsAt = "05:30" };

    [Fact]
    public async Task An_admin_changes_the_organisation_and_a_member_reads_it()
    {
        var owner = await fixture.Register();
        var viewer = await fixture.Join(owner, "viewer");
        var answer = await (await owner.Client.PutAsJsonAsync("/identity/organisation", Changed)).Json();
        answer.GetProperty("rowVersion").GetInt64().ShouldBe(2);

        var read = await (await viewer.Client.GetAsync("/identity/organisation")).Json();
        read.GetProperty("dayStartsAt").GetString().ShouldBe("05:30");
        await (await viewer.Client.PutAsJsonAsync("/identity/organisation", Changed)).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden");
        await (await owner.Client.PutAsJsonAsync("/identity/organisation", new { name = "x", currency = "GBP", timeZone = "Mars", dayStartsAt = "05:30" }))
            .ShouldBeProblem(HttpStatusCode.BadRequest, "invalid");
    }

    [Fact]
    public async Task Others_are_told_how_an_organisation_counts_and_may_ask()
    {
        var told = await fixture.Broker.Listen<OrganisationChanged>();
        var owner = await fixture.Register();
        var org = owner.Session.OrganisationId;
        var founded = (await told.Next(org)).Message;
        (await owner.Client.PutAsJsonAsync("/identity/organisation", Changed)).EnsureSuccessStatusCode();
        var changed = (await told.Next(org, x => x.Version > founded.Version)).Message;

        changed.ShouldBe(new("GBP", "Europe/London", "05:30", 2));
        using var analytics = fixture.Anonymous();
        var token = await (await analytics.PostAsync("/identity/token", new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "client_credentials",
            ["client_id"] = "analytics",
            ["client_secret"] = TokenIssuer.SecretOf("analytics"),
            ["organisation_id"] = org.ToString(),
        }))).Json();
        analytics.DefaultRequestHeaders.Authorization = new("Bearer", token.GetProperty("access_token").GetString());
        (await analytics.GetFromJsonAsync<OrganisationChanged>("/identity/export/organisation")).ShouldBe(changed);
        (await (await fixture.Join(owner, "staff")).Client.GetAsync("/identity/export/organisation")).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task Changes_at_once_are_all_done_one_after_the_other()
    {
        var owner = await fixture.Register();
        var answers = await Task.WhenAll(Enumerable.Range(0, 5).Select(i =>
            owner.Client.PutAsJsonAsync("/identity/organisation", new { name = $"Name {i}", currency = "GBP", timeZone = "UTC", dayStartsAt = "00:00" })));

        answers.ShouldAllBe(answer => answer.StatusCode == HttpStatusCode.OK);
        (await (await owner.Client.GetAsync("/identity/organisation")).Json()).GetProperty("rowVersion").GetInt64().ShouldBe(6);
    }

    [Fact]
    public async Task The_app_role_sees_no_other_organisation_by_raw_SQL_and_writes_none()
    {
        var mine = await fixture.Register();
        var other = await fixture.Register();
        await using var session = await fixture.OpenAs("app", mine.Session.OrganisationId);

        (await Count(session, "SELECT count(*) FROM organisations")).ShouldBe(1);
        (await Count(session, "SELECT count(*) FROM memberships")).ShouldBe(1);
        (await Count(session, $"SELECT count(*) FROM memberships WHERE user_id = '{other.Session.UserId}'")).ShouldBe(0);
        (await Run(session, $"UPDATE organisations SET name = 'stolen' WHERE id = '{other.Session.OrganisationId}'")).ShouldBe(0);
        (await Run(session, $"DELETE FROM memberships WHERE user_id = '{other.Session.UserId}'")).ShouldBe(0);
        var refused = await Should.ThrowAsync<PostgresException>(() => Run(session,
            $"INSERT INTO memberships (org_id, id, user_id, role, created_at) VALUES ('{other.Session.OrganisationId}', gen_random_uuid(), '{mine.Session.UserId}', 'owner', now())"));
        refused.SqlState.ShouldBe(PostgresErrorCodes.InsufficientPrivilege);
    }

    [Fact]
    public async Task An_acting_person_reads_their_own_organisations_by_raw_SQL_but_cannot_raise_themselves_there()
    {
        var host = await fixture.Register();
        var guest = await fixture.Join(host, "viewer");
        await using var session = await fixture.OpenAs("app");

        (await Count(session, "SELECT count(*) FROM organisations")).ShouldBe(0);
        await Run(session, $"SELECT set_config('app.actor', '{guest.Session.UserId}', false)");
        (await Count(session, "SELECT count(*) FROM organisations")).ShouldBe(1);
        (await Count(session, "SELECT count(*) FROM memberships")).ShouldBe(1);
        (await Run(session, "UPDATE memberships SET role = 'owner'")).ShouldBe(0);
    }

    [Fact]
    public async Task Organisations_and_memberships_are_captured_and_no_secret_ever_is()
    {
        var owner = await fixture.Register();
        await fixture.Join(owner, "staff");
        await owner.Client.PutAsJsonAsync("/identity/organisation", Changed);
        await fixture.Post("/identity/refresh", new { refreshToken = owner.Session.RefreshToken });
        await using var session = await fixture.OpenAs("relay");

        var types = await Texts(session, $"SELECT event_type FROM sync_events WHERE org_id = '{owner.Session.OrganisationId}' ORDER BY seq");
        types.ShouldBe(["organisation_created", "membership_created", "membership_created", "organisation_updated"]);
        (await Texts(session, "SELECT DISTINCT entity_type FROM sync_events WHERE entity_type <> 'api_key' ORDER BY 1")).ShouldBe(["membership", "organisation"]);
        var keys = await Texts(session, "SELECT DISTINCT key FROM sync_events, jsonb_object_keys(data) AS key");
        keys.ShouldAllBe(key => !key.Contains("hash") && !key.Contains("token") && !key.Contains("password") && !key.Contains("key") && !key.Contains("email"));
    }

    private static async Task<long> Count(NpgsqlConnection session, string sql)
    {
        await using var command = new NpgsqlCommand(sql, session);

        return (long)(await command.ExecuteScalarAsync())!;
    }

    private static async Task<int> Run(NpgsqlConnection session, string sql)
    {
        await using var command = new NpgsqlCommand(sql, session);

        return await command.ExecuteNonQueryAsync();
    }

    private static async Task<List<string>> Texts(NpgsqlConnection session, string sql)
    {
        await using var command = new NpgsqlCommand(sql, session);
        await using var row = await command.ExecuteReaderAsync();
        List<string> texts = [];

        while (await row.ReadAsync())
        {
            texts.Add(row.GetString(0));
        }

        return texts;
    }
}
