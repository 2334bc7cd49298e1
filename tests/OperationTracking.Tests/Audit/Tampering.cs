using System.Text.Json;
using Microsoft.Extensions.Configuration;
using OpsPlatform.OperationTracking.Checkpoints;

namespace OpsPlatform.OperationTracking.Tests.Audit;

/// <summary>What who owns the database can do to an organisation's timeline.</summary>
internal static class Tampering
{
    public const string EditEntry = "UPDATE timeline SET actor = 'nobody' WHERE position = 3";

    public const string DropEntry = "DELETE FROM timeline WHERE position = 3";

    public const string Reorder =
        "UPDATE timeline SET position = CASE position WHEN 3 THEN -4 WHEN 4 THEN -3 END WHERE position IN (3, 4); UPDATE timeline SET position = -position WHERE position < 0";

    public const string CutOff = """
        DELETE FROM timeline WHERE position > 4; DELETE FROM timeline_checkpoints WHERE position > 4;
        UPDATE timeline_heads SET position = 4, hash = (SELECT hash FROM timeline t WHERE t.org_id = timeline_heads.org_id AND position = 4)
        """;

    /// <summary>By the service's own function, so that every hash is right.</summary>
    public const string Rewrite = """
        CREATE TEMP TABLE kept AS SELECT * FROM timeline;
        DELETE FROM timeline; DELETE FROM timeline_heads;
        SELECT tell_timeline(jsonb_agg(to_jsonb(k) || jsonb_build_object('actor', 'somebody else') ORDER BY position)) FROM kept k;
        DROP TABLE kept
        """;

    /// <summary>Six entries of two operations.</summary>
    public static async Task Fill(this Desk desk)
    {
        await desk.Ended(change: x => x with { DisplayName = "Größe 🍞" });
        await desk.Ended("failed");
        (await desk.Sql<long>("SELECT max(position) FROM timeline")).ShouldBe(6);
    }

    /// <summary>The owner sees all organisations' rows; here it means this one's. Heads are locked before entries, as whoever writes them does.</summary>
    public static Task Tamper(this Desk desk, string sql) => desk.Execute($"""
        CREATE POLICY only_one ON timeline_heads AS RESTRICTIVE TO operations_owner USING (current_org() IS NULL OR org_id = current_org());
        CREATE POLICY only_one ON timeline AS RESTRICTIVE TO operations_owner USING (current_org() IS NULL OR org_id = current_org());
        CREATE POLICY only_one ON timeline_checkpoints AS RESTRICTIVE TO operations_owner USING (current_org() IS NULL OR org_id = current_org());
        {sql};
        DROP POLICY only_one ON timeline; DROP POLICY only_one ON timeline_heads; DROP POLICY only_one ON timeline_checkpoints
        """, "owner");

    /// <summary>Signs the timeline's head as it stands now with a key, and puts that in the place of all checkpoints there were.</summary>
    /// <param name="change">Makes another checkpoint of it.</param>
    public static async Task Forge(this Desk desk, string key, Func<Checkpoint, Checkpoint>? change = null)
    {
        var position = await desk.Sql<long>("SELECT position FROM timeline_heads");
        var hash = await desk.Sql<string>("SELECT encode(hash, 'hex') FROM timeline_heads");
        var checkpoint = new Checkpoint(desk.Org, position, hash, DateTimeOffset.UtcNow);
        var keys = new CheckpointKeys(new ConfigurationBuilder().AddInMemoryCollection([new("Audit:SigningKey", key)]).Build());
        await desk.Tamper($"""
            DELETE FROM timeline_checkpoints;
            INSERT INTO timeline_checkpoints (org_id, position, jws, signed_at) VALUES ('{desk.Org}', {position}, '{keys.Sign(change?.Invoke(checkpoint) ?? checkpoint)}', now())
            """);
    }

    public static async Task<JsonElement> Audit(this Desk desk, string query = "")
    {
        using var admin = desk.Client("admin");
        return await desk.Get($"/operations/audit{query}", client: admin);
    }

    public static string Token(this Desk desk, string role = "admin")
    {
        using var client = desk.Client(role);
        return client.DefaultRequestHeaders.Authorization!.Parameter!;
    }
}
