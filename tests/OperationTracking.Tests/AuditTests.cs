using System.Net;
using System.Text.Json;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>Who owns the database can change everything in it; an audit tells that they did.</summary>
public sealed class AuditTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task A_timeline_nobody_touched_is_intact_and_its_head_is_its_last_entry()
    {
        await Fill();
        var audit = await Audit();
        audit.GetProperty("isIntact").GetBoolean().ShouldBeTrue();
        audit.Number("entries").ShouldBe(6);
        audit.GetProperty("head").Number("position").ShouldBe(6);
        audit.GetProperty("head").Text("hash").ShouldBe(await _desk.Sql<string>("SELECT encode(hash, 'hex') FROM timeline WHERE position = 6"));
        audit.IsNull("firstFault").ShouldBeTrue();
    }

    [Fact]
    public async Task An_organisation_of_which_nothing_was_told_is_intact()
    {
        var audit = await Audit();
        audit.GetProperty("isIntact").GetBoolean().ShouldBeTrue();
        audit.GetProperty("head").Number("position").ShouldBe(0);
        audit.GetProperty("head").Text("hash").ShouldBe(new string('0', 64));
    }

    [Theory]
    [InlineData("UPDATE timeline SET actor = 'nobody' WHERE position = 3", 3, "edited")]
    [InlineData("UPDATE timeline SET reason = 'none' WHERE position = 1", 1, "edited")]
    [InlineData("UPDATE timeline SET at = at + interval '1 microsecond' WHERE position = 4", 4, "edited")]
    [InlineData("UPDATE timeline SET details = details || '{\"x\": 1}' WHERE position = 2", 2, "edited")]
    [InlineData("UPDATE timeline SET operation_id = gen_random_uuid() WHERE position = 5", 5, "edited")]
    [InlineData("UPDATE timeline SET correlation_id = NULL WHERE position = 6", 6, "edited")]
    [InlineData("UPDATE timeline SET hash = sha256('x') WHERE position = 2", 2, "edited")]
    [InlineData("DELETE FROM timeline WHERE position = 3", 3, "missing")]
    [InlineData("DELETE FROM timeline WHERE position = 1", 1, "missing")]
    [InlineData("DELETE FROM timeline WHERE position = 6", 6, "missing")]
    [InlineData("DELETE FROM timeline", 1, "missing")]
    [InlineData("UPDATE timeline SET position = CASE position WHEN 3 THEN -4 WHEN 4 THEN -3 END WHERE position IN (3, 4); UPDATE timeline SET position = -position WHERE position < 0", 3, "reordered")]
    [InlineData("DELETE FROM timeline_heads", 6, "edited")]
    [InlineData("UPDATE timeline_heads SET hash = sha256('x')", 6, "edited")]
    public async Task What_was_changed_left_out_or_put_elsewhere_is_found_where_it_is(string tampering, long position, string what)
    {
        await Fill();
        await Tamper(tampering);
        var audit = await Audit();
        audit.GetProperty("isIntact").GetBoolean().ShouldBeFalse();
        audit.GetProperty("firstFault").Number("position").ShouldBe(position);
        audit.GetProperty("firstFault").Text("what").ShouldBe(what);
    }

    [Fact]
    public async Task A_chain_cut_off_at_its_end_is_found_by_the_head_that_was_noted()
    {
        await Fill();
        var head = (await Audit()).GetProperty("head");
        await Tamper("DELETE FROM timeline WHERE position > 4; UPDATE timeline_heads SET position = 4, hash = (SELECT hash FROM timeline t WHERE t.org_id = timeline_heads.org_id AND position = 4)");
        (await Audit()).GetProperty("isIntact").GetBoolean().ShouldBeTrue();
        var audit = await Audit($"?position={head.Number("position")}&hash={head.Text("hash")}");
        audit.GetProperty("firstFault").Number("position").ShouldBe(5);
        audit.GetProperty("firstFault").Text("what").ShouldBe("missing");
    }

    [Fact]
    public async Task A_chain_written_anew_is_found_by_the_head_that_was_noted_and_one_that_went_on_is_not()
    {
        await Fill();
        var head = (await Audit()).GetProperty("head");
        var noted = $"?position={head.Number("position")}&hash={head.Text("hash")}";
        await _desk.Ended();
        (await Audit(noted)).GetProperty("isIntact").GetBoolean().ShouldBeTrue();

        // By the function itself, so that every hash is right.
        await Tamper("""
            CREATE TEMP TABLE kept AS SELECT * FROM timeline;
            DELETE FROM timeline; DELETE FROM timeline_heads;
            SELECT tell_timeline(jsonb_agg(to_jsonb(k) || jsonb_build_object('actor', 'somebody else') ORDER BY position)) FROM kept k;
            DROP TABLE kept
            """);
        (await Audit()).GetProperty("isIntact").GetBoolean().ShouldBeTrue();
        var audit = await Audit(noted);
        audit.GetProperty("firstFault").Number("position").ShouldBe(6);
        audit.GetProperty("firstFault").Text("what").ShouldBe("edited");
    }

    [Theory]
    [InlineData("?position=1")]
    [InlineData("?position=0&hash=0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("?position=1&hash=short")]
    public async Task A_head_that_is_none_is_refused(string query)
    {
        using var admin = _desk.Client("admin");
        await _desk.Get($"/operations/audit{query}", HttpStatusCode.BadRequest, admin);
    }

    [Fact]
    public async Task It_takes_an_admin()
    {
        using var staff = _desk.Client("staff");
        await _desk.Get("/operations/audit", HttpStatusCode.Forbidden, staff);
    }

    /// <summary>Six entries of two operations.</summary>
    private async Task Fill()
    {
        await _desk.Ended(change: x => x with { DisplayName = "Größe 🍞" });
        await _desk.Ended("failed");
        (await _desk.Sql<long>("SELECT count(*) FROM timeline")).ShouldBe(6);
    }

    /// <summary>The owner sees all organisations' rows; here it means this one's. Heads are locked before entries, as whoever writes them does.</summary>
    private Task Tamper(string sql) => _desk.Execute($"""
        CREATE POLICY only_one ON timeline_heads AS RESTRICTIVE TO operations_owner USING (current_org() IS NULL OR org_id = current_org());
        CREATE POLICY only_one ON timeline AS RESTRICTIVE TO operations_owner USING (current_org() IS NULL OR org_id = current_org());
        {sql};
        DROP POLICY only_one ON timeline; DROP POLICY only_one ON timeline_heads
        """, "owner");

    private async Task<JsonElement> Audit(string query = "")
    {
        using var admin = _desk.Client("admin");
        return await _desk.Get($"/operations/audit{query}", client: admin);
    }
}
