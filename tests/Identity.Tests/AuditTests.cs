using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using OpsPlatform.Testing;

namespace OpsPlatform.Identity.Tests;

[Collection(IdentityCollection.Name)]
public sealed class AuditTests(IdentityFixture fixture)
{
    [Fact]
    public async Task Sign_ins_and_changes_of_who_may_do_what_are_written_down_with_address_device_and_outcome()
    {
        var owner = await fixture.Register();
        var member = await fixture.Join(owner, "staff");
        using var phone = fixture.Anonymous();
        phone.DefaultRequestHeaders.UserAgent.ParseAdd("Phone/1.0");
        phone.DefaultRequestHeaders.Add("X-Forwarded-For", "2001:db8::7");
        for (var guess = 0; guess < 6; guess++)
        {
            await phone.PostAsJsonAsync("/identity/login", new { email = member.Email, password = $"wrong password {guess}" });
        }

        var second = await fixture.Post<SessionAnswer>("/identity/refresh", new { refreshToken = member.Session.RefreshToken });
        await fixture.Post<SessionAnswer>("/identity/refresh", new { refreshToken = second.RefreshToken });
        await fixture.Post("/identity/refresh", new { refreshToken = member.Session.RefreshToken });
        (await owner.Client.PutAsJsonAsync($"/identity/members/{member.Session.UserId}", new { role = "admin" })).EnsureSuccessStatusCode();
        await fixture.Post("/identity/logout", new { refreshToken = owner.Session.RefreshToken });

        var entries = await All(owner.Client, "/identity/audit?limit=3");
        var about = entries.Where(entry => Text(entry, "userId") == member.Session.UserId.ToString()).Reverse().ToList();
        about.Select(entry => $"{Text(entry, "event")} {entry.GetProperty("succeeded").GetBoolean()} {Text(entry, "reason")}".TrimEnd()).ShouldBe([
            "join True", "log_in False wrong_password", "log_in False wrong_password", "log_in False wrong_password", "log_in False wrong_password",
            "lock_out False wrong_password", "log_in False locked_out", "refresh_reused False reused", "role_changed True"]);
        Text(about[1], "address").ShouldBe("2001:db8::7");
        Text(about[1], "userAgent").ShouldBe("Phone/1.0");
        Text(about[1], "email").ShouldBe(member.Email);
        Text(about[1], "actor").ShouldBeNull();
        Text(about[8], "actor").ShouldBe(owner.Session.UserId.ToString());
        Text(about[8], "detail").ShouldBe("staff to admin");
        Text(entries[0], "event").ShouldBe("log_out");
        Text(entries[^1], "event").ShouldBe("register");

        var all = string.Join('\n', entries);
        foreach (var secret in new[] { IdentityFixture.Password, "wrong password", member.Session.RefreshToken, member.Session.AccessToken, second.RefreshToken })
        {
            all.ShouldNotContain(secret);
        }

        (await All(owner.Client, "/identity/audit?event=lock_out")).ShouldHaveSingleItem();
        (await All(owner.Client, $"/identity/audit?userId={owner.Session.UserId}")).ShouldAllBe(entry => Text(entry, "userId") == owner.Session.UserId.ToString());
        await (await owner.Client.GetAsync("/identity/audit?event=nothing")).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid");
    }

    [Fact]
    public async Task A_person_sees_their_own_and_only_an_admin_the_organisations_and_nobody_anothers()
    {
        var owner = await fixture.Register();
        var member = await fixture.Join(owner, "staff");
        var stranger = await fixture.Register();
        await fixture.Post("/identity/login", new { email = member.Email, password = "wrong password" });

        await (await member.Client.GetAsync("/identity/audit")).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden");
        (await All(member.Client, "/identity/audit/mine")).Select(entry => Text(entry, "event")).ShouldBe(["log_in", "join"]);
        foreach (var path in new[] { "/identity/audit", "/identity/audit/mine" })
        {
            (await All(stranger.Client, path)).ShouldAllBe(entry => Text(entry, "userId") == stranger.Session.UserId.ToString());
        }

        // What somebody does in another organisation is no business of this one.
        (await member.Client.PostAsJsonAsync("/identity/join", new { code = (await IdentityFixture.Invite(stranger, member.Email)).Code })).EnsureSuccessStatusCode();
        (await All(owner.Client, "/identity/audit")).Count(entry => Text(entry, "event") == "join").ShouldBe(1);
        (await All(member.Client, "/identity/audit/mine")).Count(entry => Text(entry, "event") == "join").ShouldBe(2);
    }

    [Fact]
    public async Task An_unknown_address_is_written_down_for_nobody_to_see_and_a_password_in_its_place_is_not()
    {
        var owner = await fixture.Register();
        var unknown = IdentityFixture.NewEmail();
        await fixture.Post("/identity/login", new { email = unknown, password = "wrong password" });
        var typed = $"my-{Guid.NewGuid():N}-password";
        await fixture.Post("/identity/login", new { email = typed, password = "x" });
        using var client = fixture.Anonymous();
        await client.PostAsync("/identity/token", new FormUrlEncodedContent([new("client_id", typed), new("client_secret", typed)]));

        (await All(owner.Client, "/identity/audit")).ShouldAllBe(entry => Text(entry, "email") != unknown);
        await using var app = await fixture.OpenAs("app", owner.Session.OrganisationId);
        (await Count(app, $"SELECT count(*) FROM audit_entries WHERE email = '{unknown}'")).ShouldBe(0);
        var refused = await Should.ThrowAsync<PostgresException>(() => Count(app, "WITH gone AS (DELETE FROM audit_entries RETURNING 1) SELECT count(*) FROM gone"));
        refused.SqlState.ShouldBe(PostgresErrorCodes.InsufficientPrivilege);
        (await Should.ThrowAsync<PostgresException>(() => Count(app, $"""
            WITH added AS (INSERT INTO audit_entries (id, created_at, org_id, event, succeeded) VALUES (gen_random_uuid(), now(), '{Guid.NewGuid()}', 'log_in', true))
            SELECT 1::bigint
            """))).SqlState.ShouldBe(PostgresErrorCodes.InsufficientPrivilege);

        await using var admin = new NpgsqlConnection((await Infrastructure.Get()).Database(app.Database));
        await admin.OpenAsync();
        (await Count(admin, $"SELECT count(*) FROM audit_entries WHERE email = '{unknown}' AND user_id IS NULL AND org_id IS NULL AND reason = 'wrong_password'")).ShouldBe(1);
        (await Count(admin, $"SELECT count(*) FROM audit_entries a WHERE to_jsonb(a)::text LIKE '%{typed}%'")).ShouldBe(0);
        (await Count(admin, "SELECT count(*) FROM audit_entries WHERE event = 'service_token' AND detail = 'client unknown'")).ShouldBeGreaterThan(0);
    }

    private static string? Text(JsonElement entry, string name) => entry.GetProperty(name).GetString();

    private static async Task<long> Count(NpgsqlConnection session, string sql)
    {
        await using var command = new NpgsqlCommand(sql, session);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private static async Task<List<JsonElement>> All(HttpClient client, string path)
    {
        List<JsonElement> entries = [];
        string? cursor = null;
        do
        {
            var page = await (await client.GetAsync(path + (cursor is null ? "" : $"{(path.Contains('?') ? '&' : '?')}cursor={cursor}"))).Json();
            entries.AddRange(page.GetProperty("items").EnumerateArray());
            cursor = page.GetProperty("nextCursor").GetString();
        }
        while (cursor is not null);

        return entries;
    }
}
