using System.Net;

namespace OpsPlatform.OperationTracking.Tests.Audit;

/// <summary>Who owns the database can change everything in it; an audit tells that they did.</summary>
public sealed class AuditTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task A_timeline_nobody_touched_is_intact_and_its_head_is_its_last_entry()
    {
        await _desk.Fill();
        var audit = await _desk.Audit();
        audit.GetProperty("isIntact").GetBoolean().ShouldBeTrue();
        audit.Number("entries").ShouldBe(6);
        audit.GetProperty("head").Number("position").ShouldBe(6);
        audit.GetProperty("head").Text("hash").ShouldBe(await _desk.Sql<string>("SELECT encode(hash, 'hex') FROM timeline WHERE position = 6"));
        audit.IsNull("firstFault").ShouldBeTrue();
    }

    [Fact]
    public async Task An_organisation_of_which_nothing_was_told_is_intact()
    {
        var audit = await _desk.Audit();
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
        await _desk.Fill();
        await _desk.Tamper(tampering);
        var audit = await _desk.Audit();
        audit.GetProperty("isIntact").GetBoolean().ShouldBeFalse();
        audit.GetProperty("firstFault").Number("position").ShouldBe(position);
        audit.GetProperty("firstFault").Text("what").ShouldBe(what);
    }

    [Fact]
    public async Task A_chain_cut_off_at_its_end_is_found_by_the_head_that_was_noted()
    {
        await _desk.Fill();
        var head = (await _desk.Audit()).GetProperty("head");
        await _desk.Tamper("DELETE FROM timeline WHERE position > 4; UPDATE timeline_heads SET position = 4, hash = (SELECT hash FROM timeline t WHERE t.org_id = timeline_heads.org_id AND position = 4)");
        (await _desk.Audit()).GetProperty("isIntact").GetBoolean().ShouldBeTrue();
        var audit = await _desk.Audit($"?position={head.Number("position")}&hash={head.Text("hash")}");
        audit.GetProperty("firstFault").Number("position").ShouldBe(5);
        audit.GetProperty("firstFault").Text("what").ShouldBe("missing");
    }

    [Fact]
    public async Task A_chain_written_anew_is_found_by_the_head_that_was_noted_and_one_that_went_on_is_not()
    {
        await _desk.Fill();
        var head = (await _desk.Audit()).GetProperty("head");
        var noted = $"?position={head.Number("position")}&hash={head.Text("hash")}";
        await _desk.Ended();
        (await _desk.Audit(noted)).GetProperty("isIntact").GetBoolean().ShouldBeTrue();

        await _desk.Tamper(Tampering.Rewrite);
        (await _desk.Audit()).GetProperty("isIntact").GetBoolean().ShouldBeTrue();
        var audit = await _desk.Audit(noted);
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
}
