using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Npgsql;
using OpsPlatform.Testing;

namespace OpsPlatform.Identity.Tests;

[Collection(IdentityCollection.Name)]
public sealed class ApiKeyTests(IdentityFixture fixture)
{
    [Fact]
    public async Task A_key_is_shown_once_and_listed_without_its_secret_and_only_its_hash_is_kept()
    {
        var owner = await fixture.Register();
        var made = await Make(owner, "orders:write", "orders:read", "orders:read");
        var key = made.GetProperty("key").GetString()!;
        key.ShouldStartWith("ops_");
        key.Length.ShouldBe(80);
        made.GetProperty("expiresAt").GetDateTimeOffset().ShouldBe(DateTimeOffset.UtcNow.AddDays(90), TimeSpan.FromMinutes(1));

        var listing = await (await owner.Client.GetAsync("/identity/api-keys")).Json();
        var item = listing.GetProperty("items").EnumerateArray().ShouldHaveSingleItem();
        item.GetProperty("name").GetString().ShouldBe("Till");
        item.GetProperty("scopes").EnumerateArray().Select(scope => scope.GetString()).ShouldBe(["orders:read", "orders:write"]);
        item.GetProperty("createdBy").GetGuid().ShouldBe(owner.Session.UserId);
        item.GetProperty("lastUsedAt").ValueKind.ShouldBe(JsonValueKind.Null);
        key.ShouldStartWith(item.GetProperty("prefix").GetString() + "_");
        var secret = key[^43..];
        listing.ToString().ShouldNotContain(secret);

        await using var app = await fixture.OpenAs("app", owner.Session.OrganisationId);
        (await Count(app, $"SELECT count(*) FROM api_keys k WHERE to_jsonb(k)::text LIKE '%{secret}%'")).ShouldBe(0);
        (await Count(app, $"SELECT count(*) FROM sync_events WHERE entity_type = 'api_key' AND NOT data ? 'key_hash' AND data ->> 'name' = 'Till'")).ShouldBe(1);
        (await Count(app, $"SELECT count(*) FROM audit_entries a WHERE to_jsonb(a)::text LIKE '%{secret}%'")).ShouldBe(0);
        (await Count(app, "SELECT count(*) FROM audit_entries WHERE event = 'api_key_created'")).ShouldBe(1);
    }

    [Theory]
    [InlineData("", new[] { "orders:read" }, 90)]
    [InlineData("x", new string[0], 90)]
    [InlineData("x", new[] { "orders:everything" }, 90)]
    [InlineData("x", new[] { "ORDERS:READ" }, 90)]
    [InlineData("x", new[] { "orders:read" }, 0)]
    [InlineData("x", new[] { "orders:read" }, 366)]
    public async Task A_key_needs_a_name_known_scopes_and_an_end_within_a_year(string name, string[] scopes, int expiresInDays)
    {
        var owner = await fixture.Register();
        await (await owner.Client.PostAsJsonAsync("/identity/api-keys", new { name, scopes, expiresInDays })).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid");
    }

    [Fact]
    public async Task Keys_are_an_admins_business_of_their_own_organisation_only()
    {
        var owner = await fixture.Register();
        var staff = await fixture.Join(owner, "staff");
        var stranger = await fixture.Register();
        var id = (await Make(owner, "orders:read")).GetProperty("id").GetGuid();

        await (await staff.Client.GetAsync("/identity/api-keys")).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden");
        await (await staff.Client.PostAsJsonAsync("/identity/api-keys", new { name = "x", scopes = new[] { "orders:read" } })).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden");
        await (await staff.Client.DeleteAsync($"/identity/api-keys/{id}")).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden");
        await (await stranger.Client.DeleteAsync($"/identity/api-keys/{id}")).ShouldBeProblem(HttpStatusCode.NotFound, "not-found");
        (await (await stranger.Client.GetAsync("/identity/api-keys")).Json()).GetProperty("items").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task The_gateway_trades_a_key_for_a_token_of_two_minutes_in_the_makers_role_with_the_keys_scopes()
    {
        var owner = await fixture.Register();
        var admin = await fixture.Join(owner, "admin");
        var made = await Make(admin, "orders:read", "admin");
        var answer = await (await Exchange(made)).Json();
        answer.GetProperty("organisationId").GetGuid().ShouldBe(owner.Session.OrganisationId);
        var token = new JsonWebToken(answer.GetProperty("accessToken").GetString());
        (token.ValidTo - token.IssuedAt).ShouldBe(TimeSpan.FromMinutes(2));
        token.Subject.ShouldBe(admin.Session.UserId.ToString());
        token.GetClaim("role").Value.ShouldBe("admin");
        token.GetClaim("scope").Value.ShouldBe("admin orders:read");
        token.GetClaim("key").Value.ShouldBe(made.GetProperty("id").GetString());
        token.Claims.ShouldNotContain(claim => claim.Type == "sid");

        (await owner.Client.PutAsJsonAsync($"/identity/members/{admin.Session.UserId}", new { role = "viewer" })).EnsureSuccessStatusCode();
        new JsonWebToken((await (await Exchange(made)).Json()).GetProperty("accessToken").GetString()).GetClaim("role").Value.ShouldBe("viewer");
        (await (await owner.Client.GetAsync("/identity/api-keys")).Json()).GetProperty("items")[0].GetProperty("lastUsedAt").GetDateTimeOffset()
            .ShouldBe(DateTimeOffset.UtcNow, TimeSpan.FromMinutes(1));
        var used = (await (await owner.Client.GetAsync("/identity/audit?event=api_key_used")).Json()).GetProperty("items").EnumerateArray().ShouldHaveSingleItem();
        used.GetProperty("address").GetString().ShouldBe("198.51.100.4");
    }

    [Fact]
    public async Task A_revoked_a_wrong_and_a_leavers_key_are_refused_and_written_down()
    {
        var owner = await fixture.Register();
        var admin = await fixture.Join(owner, "admin");
        var (revoked, leavers) = (await Make(owner, "orders:read"), await Make(admin, "orders:read"));
        var revocations = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => owner.Client.DeleteAsync($"/identity/api-keys/{revoked.GetProperty("id")}")));
        revocations.ShouldAllBe(answer => answer.StatusCode == HttpStatusCode.NoContent);
        await (await Exchange(revoked)).ShouldBeProblem(HttpStatusCode.Unauthorized, "api-key-revoked");

        var wrong = leavers.GetProperty("key").GetString()![..^1] + "!";
        await (await Exchange(wrong)).ShouldBeProblem(HttpStatusCode.Unauthorized, "api-key-invalid");
        foreach (var unknown in new[] { $"ops_{Guid.NewGuid():N}_{new string('a', 43)}", "ops_", "x" })
        {
            await (await Exchange(unknown)).ShouldBeProblem(HttpStatusCode.Unauthorized, "api-key-invalid");
        }

        (await owner.Client.DeleteAsync($"/identity/members/{admin.Session.UserId}")).EnsureSuccessStatusCode();
        await (await Exchange(leavers)).ShouldBeProblem(HttpStatusCode.Unauthorized, "api-key-revoked");
        var entries = (await (await owner.Client.GetAsync("/identity/audit")).Json()).GetProperty("items").EnumerateArray()
            .Where(entry => entry.GetProperty("event").GetString()!.StartsWith("api_key_", StringComparison.Ordinal))
            .Select(entry => $"{entry.GetProperty("event").GetString()} {entry.GetProperty("reason").GetString()}".TrimEnd()).Reverse();
        entries.ShouldBe(["api_key_created", "api_key_created", "api_key_revoked", "api_key_used revoked", "api_key_used wrong_secret", "api_key_revoked", "api_key_used revoked"]);
    }

    [Fact]
    public async Task A_key_past_its_end_is_refused_and_written_down()
    {
        var owner = await fixture.Register();
        var made = await Make(owner, "orders:read");
        (await Exchange(made)).StatusCode.ShouldBe(HttpStatusCode.OK);
        await using var app = await fixture.OpenAs("app", owner.Session.OrganisationId);
        await using var end = new NpgsqlCommand("UPDATE api_keys SET expires_at = now()", app);
        (await end.ExecuteNonQueryAsync()).ShouldBe(1);

        await (await Exchange(made)).ShouldBeProblem(HttpStatusCode.Unauthorized, "api-key-expired");
        (await (await owner.Client.GetAsync("/identity/audit?event=api_key_used&limit=1")).Json()).GetProperty("items")[0].GetProperty("reason").GetString().ShouldBe("expired");
    }

    [Theory]
    [InlineData("orders", "secret-of-orders-in-the-tests")]
    [InlineData("gateway", "secret-of-orders-in-the-tests")]
    [InlineData("gateway", "")]
    public async Task Nobody_but_the_gateway_trades_keys(string service, string secret)
    {
        var owner = await fixture.Register();
        await (await Exchange(await Make(owner, "orders:read"), service, secret)).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid-client");
    }

    [Fact]
    public async Task A_key_reaches_no_more_of_identity_than_its_scopes_and_never_sessions_or_keys()
    {
        var owner = await fixture.Register();
        var reader = await KeyClient(await Make(owner, "organisation:read", "orders:write"));
        (await reader.GetAsync("/identity/organisation")).StatusCode.ShouldBe(HttpStatusCode.OK);
        await (await reader.PutAsJsonAsync("/identity/organisation", new { })).ShouldBeProblem(HttpStatusCode.Forbidden, "scope-missing");
        await (await reader.GetAsync("/identity/members")).ShouldBeProblem(HttpStatusCode.Forbidden, "scope-missing");
        await (await reader.GetAsync("/identity/errors")).ShouldBeProblem(HttpStatusCode.Forbidden, "scope-missing");

        var all = await KeyClient(await Make(owner, [.. ServiceDefaults.Auth.Scopes.All]));
        (await all.GetAsync("/identity/members")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await all.PostAsJsonAsync("/identity/invitations", new { email = IdentityFixture.NewEmail(), role = "viewer" })).StatusCode.ShouldBe(HttpStatusCode.Created);
        (await all.GetAsync("/identity/errors")).StatusCode.ShouldBe(HttpStatusCode.OK);
        foreach (var path in new[] { "/identity/me", "/identity/sessions", "/identity/api-keys", "/identity/audit/mine", "/identity/changes/stats" })
        {
            await (await all.GetAsync(path)).ShouldBeProblem(HttpStatusCode.Forbidden, "scope-missing");
        }

        foreach (var path in new[] { "/identity/switch", "/identity/join", "/identity/api-keys", "/identity/sessions/revoke-others" })
        {
            await (await all.PostAsJsonAsync(path, new { })).ShouldBeProblem(HttpStatusCode.Forbidden, "scope-missing");
        }
    }

    [Fact]
    public async Task An_organisation_has_no_more_than_a_hundred_keys_however_many_ask_at_once()
    {
        var owner = await fixture.Register();
        await using var app = await fixture.OpenAs("app", owner.Session.OrganisationId);
        await using var fill = new NpgsqlCommand($"""
            INSERT INTO api_keys (id, name, scopes, key_hash, created_by, expires_at, created_at)
            SELECT gen_random_uuid(), 'x', '{"{orders:read}"}', sha256(n::text::bytea), '{owner.Session.UserId}', now() + interval '1 day', now() FROM generate_series(1, 98) n
            """, app);
        await fill.ExecuteNonQueryAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => owner.Client.PostAsJsonAsync("/identity/api-keys", new { name = "x", scopes = new[] { "orders:read" } })));

        answers.Count(answer => answer.StatusCode == HttpStatusCode.Created).ShouldBe(2);
        foreach (var late in answers.Where(answer => answer.StatusCode != HttpStatusCode.Created))
        {
            await late.ShouldBeProblem(HttpStatusCode.Conflict, "too-many-api-keys");
        }
    }

    private static async Task<JsonElement> Make(Person person, params string[] scopes) =>
        await (await person.Client.PostAsJsonAsync("/identity/api-keys", new { name = "Till", scopes })).Json();

    private async Task<HttpClient> KeyClient(JsonElement made) =>
        fixture.ClientWith((await (await Exchange(made)).Json()).GetProperty("accessToken").GetString()!);

    private Task<HttpResponseMessage> Exchange(JsonElement made, string service = "gateway", string? secret = null) =>
        Exchange(made.GetProperty("key").GetString()!, service, secret);

    private async Task<HttpResponseMessage> Exchange(string key, string service = "gateway", string? secret = null)
    {
        using var client = fixture.Anonymous();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{service}:{secret ?? TokenIssuer.SecretOf(service)}")));
        return await client.PostAsJsonAsync("/identity/api-keys/exchange", new { key, address = "198.51.100.4", userAgent = "Till/2" });
    }

    private static async Task<long> Count(NpgsqlConnection session, string sql)
    {
        await using var command = new NpgsqlCommand(sql, session);
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
