using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsPlatform.OperationTracking.Checkpoints;

namespace OpsPlatform.OperationTracking.Tests.Audit;

public sealed class CheckpointTests(AuditFixture service) : IClassFixture<AuditFixture>
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task The_head_of_a_timeline_that_has_gone_on_is_signed_once()
    {
        await _desk.Fill();
        await service.Sign();
        await service.Sign();
        var (position, hash) = (6L, await _desk.Sql<string>("SELECT encode(hash, 'hex') FROM timeline WHERE position = 6"));
        var kept = (await Checkpoints())[^1];
        kept.Number("position").ShouldBe(position);
        var signed = service.Services.GetRequiredService<CheckpointKeys>().Verify(kept.Text("jws")).ShouldNotBeNull();
        (signed.Org, signed.Position, signed.Hash).ShouldBe((_desk.Org, position, hash));
        (await Checkpoints()).Count(x => x.Number("position") == position).ShouldBe(1);
        var line = service.Log.Of(_desk.Org).Where(x => position.Equals(x.Values["Position"])).ShouldHaveSingleItem();
        (line.Level, line.Values["Hash"], line.Values["Jws"]).ShouldBe((LogLevel.Information, hash, kept.Text("jws")));
    }

    [Fact]
    public async Task The_next_is_signed_after_ten_minutes_or_after_a_thousand_entries()
    {
        await _desk.Fill();
        await service.Sign();
        await Tell(999);
        await service.SignWhatIsDue();
        (await Checkpoints())[^1].Number("position").ShouldBe(6);
        await Tell(1);
        await service.SignWhatIsDue();
        (await Checkpoints())[^1].Number("position").ShouldBe(1_006);
        await Tell(1);
        await service.Sign();
        (await Checkpoints())[^1].Number("position").ShouldBe(1_007);
    }

    [Fact]
    public async Task Replicas_that_sign_at_once_leave_one_checkpoint()
    {
        await using var replica = await service.StartReplica();
        await _desk.Fill();
        await Task.WhenAll(Enumerable.Range(0, 4).SelectMany(_ => (Task[])[service.Sign(), replica.Services.GetRequiredService<SignCheckpoints>().Run(CancellationToken.None)]));
        (await Checkpoints()).Select(x => x.Number("position")).ShouldBeUnique();
        service.Log.Of(_desk.Org).ShouldAllBe(line => line.Level == LogLevel.Information);
        (await _desk.Audit()).GetProperty("isIntact").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public async Task Who_serves_requests_can_add_checkpoints_and_change_none()
    {
        await _desk.Fill();
        await service.Sign();
        foreach (var sql in (string[])["UPDATE timeline_checkpoints SET jws = ''", "DELETE FROM timeline_checkpoints"])
        {
            (await Should.ThrowAsync<PostgresException>(() => _desk.Execute(sql))).SqlState.ShouldBe(PostgresErrorCodes.InsufficientPrivilege);
        }
    }

    [Fact]
    public async Task An_audit_tells_how_many_checkpoints_it_verified_and_the_latest()
    {
        await _desk.Fill();
        await service.Sign();
        await _desk.Ended();
        await service.Sign();
        var audit = await _desk.Audit();
        audit.GetProperty("isIntact").GetBoolean().ShouldBeTrue();
        audit.Number("checkpoints").ShouldBeGreaterThanOrEqualTo(2);
        audit.GetProperty("latestCheckpoint").Number("position").ShouldBe(9);
        audit.GetProperty("latestCheckpoint").Text("hash").ShouldBe(audit.GetProperty("head").Text("hash"));
    }

    [Theory]
    [InlineData(Tampering.Rewrite, 6, "rewritten")]
    [InlineData("DELETE FROM timeline WHERE position > 4; UPDATE timeline_heads SET position = 4, hash = (SELECT hash FROM timeline t WHERE t.org_id = timeline_heads.org_id AND position = 4)", 5, "missing")]
    [InlineData("UPDATE timeline_checkpoints SET jws = overlay(jws placing CASE substr(jws, length(jws) - 40, 1) WHEN 'A' THEN 'B' ELSE 'A' END from length(jws) - 40 for 1)", 6, "checkpoint")]
    [InlineData("UPDATE timeline_checkpoints SET jws = 'none'", 6, "checkpoint")]
    [InlineData("UPDATE timeline_checkpoints SET position = 5", 5, "checkpoint")]
    [InlineData("UPDATE timeline_checkpoints SET position = 7", 7, "checkpoint")]
    public async Task What_a_checkpoint_contradicts_is_found(string tampering, long position, string what)
    {
        await FillAndSign();
        await _desk.Tamper(tampering);
        var audit = await _desk.Audit();
        audit.GetProperty("firstFault").Number("position").ShouldBe(position);
        audit.GetProperty("firstFault").Text("what").ShouldBe(what);
    }

    [Fact]
    public async Task A_checkpoint_by_another_key_is_none_and_neither_is_another_organisations()
    {
        await FillAndSign();
        await _desk.Forge(AuditFixture.NewKey());
        (await _desk.Audit()).GetProperty("firstFault").Text("what").ShouldBe("checkpoint");
        await _desk.Forge(service.SigningKey, x => x with { Org = Guid.NewGuid() });
        (await _desk.Audit()).GetProperty("firstFault").Text("what").ShouldBe("checkpoint");
    }

    [Fact]
    public async Task A_checkpoint_by_a_former_key_is_good_and_the_present_key_goes_on_from_it()
    {
        await FillAndSign();
        await _desk.Forge(service.FormerKey);
        await _desk.Ended();
        await service.Sign();
        var audit = await _desk.Audit();
        audit.GetProperty("isIntact").GetBoolean().ShouldBeTrue();
        audit.Number("checkpoints").ShouldBe(2);
    }

    [Fact]
    public async Task What_does_not_follow_from_what_was_signed_is_not_signed()
    {
        await FillAndSign();
        await _desk.Tamper(Tampering.Rewrite);
        await _desk.Ended();
        await service.Sign();
        (await Checkpoints())[^1].Number("position").ShouldBe(6);
        service.Log.Of(_desk.Org).ShouldContain(line => line.Level == LogLevel.Error && 7L.Equals(line.Values["Position"]));
    }

    [Fact]
    public async Task Keys_are_shown_to_everybody_without_their_secret_part_and_checkpoints_to_admins()
    {
        var keys = (await _desk.Get("/operations/audit/keys")).GetProperty("keys").EnumerateArray().ToArray();
        keys.Length.ShouldBe(2);
        keys.ShouldAllBe(key => key.Text("alg") == "ES256" && key.Text("kid").Length == 43 && !key.EnumerateObject().Any(x => x.Name == "d"));
        await _desk.Get("/operations/audit/checkpoints", HttpStatusCode.Forbidden);
        await _desk.Get("/operations/audit/entries", HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task Entries_are_read_page_by_page_with_the_head_beside_them()
    {
        await _desk.Fill();
        using var admin = _desk.Client("admin");
        var page = await _desk.Get("/operations/audit/entries?after=1&limit=3", client: admin);
        page.Text("organisationId").ShouldBe(_desk.Org.ToString());
        page.GetProperty("items").EnumerateArray().Select(x => x.Number("position")).ShouldBe([2, 3, 4]);
        page.GetProperty("head").Number("position").ShouldBe(6);
        page.GetProperty("items")[0].Text("details").ShouldBe(await _desk.Sql<string>("SELECT details::text FROM timeline WHERE position = 2"));
        await _desk.Get("/operations/audit/entries?limit=1001", HttpStatusCode.BadRequest, admin);
        await _desk.Get("/operations/audit/entries?after=-1", HttpStatusCode.BadRequest, admin);
    }

    [Theory]
    [InlineData("SigningKey", "nonsense")]
    [InlineData("FormerKeys", "nonsense")]
    public void A_setting_that_is_no_key_is_refused_at_the_start(string setting, string value) =>
        Should.Throw<InvalidOperationException>(() => new CheckpointKeys(new ConfigurationBuilder().AddInMemoryCollection([new($"Audit:{setting}", value)]).Build())).Message.ShouldContain($"Audit__{setting}");

    /// <summary>Six entries, and the only checkpoint at the last.</summary>
    private async Task FillAndSign()
    {
        await _desk.Fill();
        await service.Sign();
        await _desk.Tamper("DELETE FROM timeline_checkpoints WHERE position < 6");
    }

    private Task Tell(int entries) => _desk.Execute($"""
        SELECT tell_timeline(jsonb_agg(jsonb_build_object('operation_id', gen_random_uuid(), 'at', now(), 'event', 'started', 'actor', 'test')))
        FROM generate_series(1, {entries})
        """);

    private async Task<IReadOnlyList<JsonElement>> Checkpoints()
    {
        using var admin = _desk.Client("admin");
        return [.. (await _desk.Get("/operations/audit/checkpoints", client: admin)).GetProperty("items").EnumerateArray()];
    }
}
