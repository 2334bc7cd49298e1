using System.Net;
using Npgsql;
using OpsPlatform.Identity.Demo;
using OpsPlatform.Identity.Keys;
using OpsPlatform.Testing;

namespace OpsPlatform.Identity.Tests;

[Collection(IdentityCollection.Name)]
public sealed class WorkerTests(IdentityFixture fixture)
{
    private const string InsertToken = """
        INSERT INTO refresh_tokens (id, family_id, user_id, organisation_id, token_hash, created_at, expires_at)
        VALUES ($1, gen_random_uuid(), $2, $3, sha256($1::text::bytea), now(), now() + $4 * interval '1 second')
        """;

    [Fact]
    public async Task A_worker_that_fails_for_any_reason_is_logged_and_tries_again_and_the_service_goes_on()
    {
        var owner = await fixture.Register();
        await using var admin = await fixture.OpenAs("owner");
        await Scalar(admin, "REVOKE DELETE ON refresh_tokens FROM identity_app");

        try
        {
            await Eventually.Is(() => Task.FromResult(
                fixture.Log.Of<KeyWorker>().Any(failure => failure is PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege })));
            (await owner.Client.GetAsync("/identity/me")).StatusCode.ShouldBe(HttpStatusCode.OK);
        }
        finally
        {
            await Scalar(admin, "GRANT DELETE ON refresh_tokens TO identity_app");
        }

        var expired = await Token(admin, owner, Guid.NewGuid(), secondsLeft: -1);
        await Eventually.Is(async () => !await Exists(admin, expired));
        (await owner.Client.GetAsync("/identity/me")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task The_demo_organisation_is_founded_after_a_failure_that_is_not_the_databases()
    {
        await Eventually.Is(
            async () => (await fixture.Post("/identity/login", new { email = DemoOrganisation.Email, password = DemoOrganisation.Password })).StatusCode,
            status => status == HttpStatusCode.OK);

        fixture.Log.Of<DemoOrganisation>().Select(failure => failure.Message).ShouldBe([WatchedHasher.Broken]);
    }

    [Fact]
    public async Task The_sweep_waits_for_nobody_who_is_at_work_on_a_token()
    {
        var owner = await fixture.Register();
        await using var other = await fixture.OpenAs("owner");
        await using var admin = await fixture.OpenAs("owner");
        var held = await Token(admin, owner, Guid.NewGuid(), secondsLeft: 2);
        await using var transaction = await other.BeginTransactionAsync();
        (await Scalar(other, "SELECT id FROM refresh_tokens WHERE id = $1 FOR UPDATE", held)).ShouldBe(held);
        var free = await Token(admin, owner, Guid.NewGuid(), secondsLeft: 3);

        await Eventually.Is(async () => !await Exists(admin, free));
        (await Exists(admin, held)).ShouldBeTrue();
        await transaction.RollbackAsync();
        await Eventually.Is(async () => !await Exists(admin, held));
    }

    [Fact]
    public async Task A_revocation_takes_its_tokens_in_the_order_of_their_ids()
    {
        var host = await fixture.Register();
        var guest = await fixture.Join(host, "staff");
        await using var other = await fixture.OpenAs("owner");
        await using var admin = await fixture.OpenAs("owner");
        var last = await Token(admin, guest, Guid.Parse($"ffffffff{Guid.NewGuid().ToString()[8..]}"), secondsLeft: 3600);
        var first = await Token(admin, guest, Guid.Parse($"00000000{Guid.NewGuid().ToString()[8..]}"), secondsLeft: 3600);

        await using var transaction = await other.BeginTransactionAsync();
        await Scalar(other, "SELECT FROM refresh_tokens WHERE id = $1 FOR UPDATE", first);
        var removal = host.Client.DeleteAsync($"/identity/members/{guest.Session.UserId}");
        await Eventually.Is(async () => (bool)(await Scalar(
            admin, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND $1 = ANY (pg_blocking_pids(pid)))", other.ProcessID))!);
        await Scalar(other, "SELECT FROM refresh_tokens WHERE id = $1 FOR UPDATE NOWAIT", last);
        await transaction.RollbackAsync();

        (await removal).StatusCode.ShouldBe(HttpStatusCode.NoContent);
    }

    private static async Task<Guid> Token(NpgsqlConnection connection, Person person, Guid id, int secondsLeft)
    {
        await Scalar(connection, InsertToken, id, person.Session.UserId, person.Session.OrganisationId, secondsLeft);

        return id;
    }

    private static async Task<bool> Exists(NpgsqlConnection connection, Guid token) =>
        (bool)(await Scalar(connection, "SELECT EXISTS (SELECT FROM refresh_tokens WHERE id = $1)", token))!;

    private static async Task<object?> Scalar(NpgsqlConnection connection, string sql, params object[] values)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }

        return await command.ExecuteScalarAsync();
    }
}
