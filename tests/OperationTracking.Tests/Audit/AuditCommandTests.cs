using OpsPlatform.Testing;

namespace OpsPlatform.OperationTracking.Tests.Audit;

/// <summary>The verifier that believes nothing of the service, against a database whose owner does as they like.</summary>
public sealed class AuditCommandTests(AuditFixture service) : IClassFixture<AuditFixture>, IDisposable
{
    private readonly Desk _desk = service.Desk();
    private readonly AuditCommand _command = new();

    public void Dispose() => _command.Dispose();

    [Fact]
    public async Task A_timeline_that_nobody_touched_is_intact_also_when_it_has_gone_on()
    {
        await FillAndSign();
        var said = await Audited(AuditCommand.Intact);
        said.ShouldContain($"Organisation {_desk.Org}");
        said.ShouldContain("6 entries");
        said.ShouldContain("Good checkpoints: 1,");
        said.ShouldContain("the keys are those that the service names itself");
        await _desk.Ended();
        await service.Sign();
        said = await Audited(AuditCommand.Intact);
        said.ShouldContain("9 entries");
        said.ShouldContain("Good checkpoints: 2,");
    }

    [Fact]
    public async Task A_timeline_of_many_pages_is_intact()
    {
        await _desk.Execute("""
            SELECT tell_timeline(jsonb_agg(jsonb_build_object('operation_id', gen_random_uuid(), 'at', now() - n * interval '1.000007 s', 'event', 'started',
              'actor', 'Größe 🍞', 'reason', CASE WHEN n % 3 = 0 THEN '' WHEN n % 3 = 1 THEN E'a\n"b\\' END, 'details', jsonb_build_object('n', n / 7.0, 'z', NULL))))
            FROM generate_series(1, 2500) n
            """);
        await service.Sign();
        (await Audited(AuditCommand.Intact)).ShouldContain("2,500 entries");
    }

    [Fact]
    public async Task An_organisation_of_which_nothing_was_told_is_intact() => (await Audited(AuditCommand.Intact)).ShouldContain("0 entries");

    [Theory]
    [InlineData(Tampering.EditEntry, "FAULT entry 3: edited")]
    [InlineData(Tampering.DropEntry, "FAULT entries 3 to 3: missing")]
    [InlineData(Tampering.Reorder, "FAULT entry 3: reordered. The one that belongs there stands at 4.")]
    [InlineData("DELETE FROM timeline WHERE position = 6", "FAULT entries 6 to 6: missing")]
    [InlineData("DELETE FROM timeline", "FAULT entries 1 to 6: missing")]
    [InlineData("UPDATE timeline SET correlation_id = NULL WHERE position = 1", "FAULT entry 1: edited")]
    [InlineData("UPDATE timeline SET at = at + interval '1 microsecond' WHERE position = 2", "FAULT entry 2: edited")]
    [InlineData(Tampering.Rewrite, "FAULT entries 1 to 6: rewritten")]
    [InlineData("UPDATE timeline_checkpoints SET position = 5", "FAULT checkpoint 5: forged checkpoint. It was signed for position 6")]
    [InlineData("UPDATE timeline_checkpoints SET jws = left(jws, 100)", "FAULT checkpoint 6: forged checkpoint")]
    [InlineData("UPDATE timeline_checkpoints SET jws = overlay(jws placing CASE substr(jws, length(jws) - 40, 1) WHEN 'A' THEN 'B' ELSE 'A' END from length(jws) - 40 for 1)", "FAULT checkpoint 6: forged checkpoint. Its signature")]
    public async Task What_was_done_to_it_is_told_and_where(string tampering, string fault)
    {
        await FillAndSign();
        await _desk.Tamper(tampering);
        (await Audited(AuditCommand.Faulty)).ShouldContain(fault);
    }

    [Fact]
    public async Task A_timeline_cut_off_together_with_its_checkpoints_is_found_by_the_notes()
    {
        await FillAndSign();
        await Audited(AuditCommand.Intact);
        await _desk.Tamper(Tampering.CutOff);
        var said = await Audited(AuditCommand.Faulty);
        said.ShouldContain("FAULT entries 5 to 6: truncated");
        said.ShouldContain("FAULT checkpoint 6: missing checkpoint");
        // What was found is not noted, so that it is found again.
        (await Audited(AuditCommand.Faulty)).ShouldContain("truncated");
    }

    [Fact]
    public async Task A_timeline_cut_off_behind_its_last_checkpoint_is_found_by_the_notes()
    {
        await FillAndSign();
        await _desk.Ended();
        await Audited(AuditCommand.Intact);
        await _desk.Tamper(Tampering.CutOff.Replace("4", "6", StringComparison.Ordinal));
        (await Audited(AuditCommand.Faulty)).ShouldContain("FAULT entries 7 to 9: truncated");
    }

    [Fact]
    public async Task A_timeline_written_anew_and_signed_by_another_key_is_found_by_the_keys_of_the_auditor()
    {
        await FillAndSign();
        await KeepKeys();
        await Audited(AuditCommand.Intact, "--keys", _command.Keys);
        await _desk.Tamper(Tampering.Rewrite);
        await _desk.Forge(AuditFixture.NewKey());
        (await Audited(AuditCommand.Faulty, "--keys", _command.Keys)).ShouldContain("FAULT checkpoint 6: forged checkpoint. It is signed with key ");
    }

    [Fact]
    public async Task A_timeline_written_anew_and_signed_by_a_key_that_the_service_names_is_found_by_the_notes()
    {
        await FillAndSign();
        await Audited(AuditCommand.Intact);
        await _desk.Tamper(Tampering.Rewrite);
        await _desk.Forge(service.FormerKey);
        var said = await Audited(AuditCommand.Faulty);
        said.ShouldContain("FAULT checkpoint 6: forged checkpoint");
        said.ShouldContain("FAULT entries 1 to 6: rewritten");
    }

    [Fact]
    public async Task A_timeline_written_anew_and_signed_by_the_same_key_is_found_by_the_notes()
    {
        await FillAndSign();
        await Audited(AuditCommand.Intact);
        await _desk.Tamper(Tampering.Rewrite);
        await _desk.Forge(service.SigningKey);
        (await Audited(AuditCommand.Faulty)).ShouldContain("FAULT entries 1 to 6: rewritten");
    }

    [Fact]
    public async Task A_checkpoint_of_another_organisation_is_none_here()
    {
        await FillAndSign();
        await _desk.Forge(service.SigningKey, x => x with { Org = Guid.NewGuid() });
        (await Audited(AuditCommand.Faulty)).ShouldContain("FAULT checkpoint 6: forged checkpoint. It was signed for organisation");
    }

    [Fact]
    public async Task A_timeline_is_intact_after_its_key_was_changed()
    {
        await FillAndSign();
        await KeepKeys();
        await _desk.Forge(service.FormerKey);
        await Audited(AuditCommand.Intact);
        await _desk.Ended();
        await service.Sign();
        (await Audited(AuditCommand.Intact, "--keys", _command.Keys)).ShouldContain("Good checkpoints: 2,");
        (await Audited(AuditCommand.Intact)).ShouldNotContain("has signed nothing");
    }

    [Fact]
    public async Task A_key_that_audits_did_not_see_before_is_warned_of()
    {
        await FillAndSign();
        await _desk.Forge(service.FormerKey);
        await Audited(AuditCommand.Intact);
        await _desk.Ended();
        await service.Sign();
        (await Audited(AuditCommand.Intact)).ShouldContain("has signed nothing that earlier audits saw");
    }

    [Fact]
    public async Task A_service_that_signs_no_more_is_warned_of()
    {
        await FillAndSign();
        await _desk.Execute("SELECT tell_timeline(jsonb_build_array(jsonb_build_object('operation_id', gen_random_uuid(), 'at', now() - interval '21 minutes', 'event', 'started', 'actor', 'test')))");
        (await Audited(AuditCommand.Intact)).ShouldContain("no checkpoint covers what happened since entry 7");
        (await Audited(AuditCommand.Intact, "--within", "30")).ShouldNotContain("no checkpoint covers");
    }

    [Fact]
    public async Task Each_organisations_key_sees_its_own_timeline()
    {
        await FillAndSign();
        await Audited(AuditCommand.Intact);
        var other = service.Desk();
        await other.Ended();
        var (code, said) = await _command.Run("--url", service.Address.ToString(), "--token", other.Token());
        code.ShouldBe(AuditCommand.Intact, said);
        said.ShouldContain($"Organisation {other.Org}");
        said.ShouldContain("3 entries");
        said.ShouldNotContain(_desk.Org.ToString());
    }

    [Fact]
    public async Task What_could_not_be_checked_is_neither_intact_nor_faulty_and_it_is_said_what_to_do()
    {
        (await Refused("--token", _desk.Token(), "--url", "http://127.0.0.1:65534/")).ShouldContain("Is it the gateway, and is the system up?");
        (await Refused("--token", "nonsense", "--url", service.Address.ToString())).ShouldContain("POST /identity/login");
        (await Refused("--token", _desk.Token("staff"), "--url", service.Address.ToString())).ShouldContain("It takes an admin's");
        (await Refused("--token", _desk.Token(), "--url", service.Address.ToString(), "--keys", _command.Keys)).ShouldContain("cannot be read as a JWK set");
        (await Refused("--url", service.Address.ToString())).ShouldContain("Give --api-key KEY");
        (await Refused("--nonsense")).ShouldContain("--api-key KEY");
    }

    private async Task<string> Audited(int expected, params string[] arguments)
    {
        var (code, said) = await _command.Run(["--url", service.Address.ToString(), "--token", _desk.Token(), .. arguments]);
        code.ShouldBe(expected, said);
        said.ShouldContain(expected == AuditCommand.Intact ? "INTACT." : "NOT INTACT:");
        return said;
    }

    private async Task<string> Refused(params string[] arguments)
    {
        var (code, said) = await _command.Run(arguments);
        code.ShouldBe(AuditCommand.Unchecked, said);
        return said;
    }

    private async Task KeepKeys() => await File.WriteAllTextAsync(_command.Keys, (await _desk.Get("/operations/audit/keys")).GetRawText());

    /// <summary>Six entries, and the only checkpoint at the last.</summary>
    private async Task FillAndSign()
    {
        await _desk.Fill();
        await service.Sign();
        await _desk.Tamper("DELETE FROM timeline_checkpoints WHERE position < 6");
    }
}
