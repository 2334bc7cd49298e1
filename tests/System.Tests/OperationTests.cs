using System.Text.Json;
using Aspire.Hosting.Testing;
using Npgsql;

namespace OpsPlatform.System.Tests;

/// <summary>Long-running work, followed through the gateway while its worker is killed.</summary>
[Collection(nameof(SystemCollection))]
public sealed class OperationTests(RunningSystem system, ITestOutputHelper output)
{
    private const int Rounds = 10;
    private const int Lock = 4711;

    private static readonly TimeSpan TakenUpAgainWithin = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task An_export_whose_worker_is_killed_in_the_middle_goes_on_and_holds_every_order_once()
    {
        using var organisation = await system.Register("Export");
        var pack = Replays.LongPack(Rounds);
        var replay = await Replays.Run(system.Gateway, output, organisation, "--data", pack);
        Directory.Delete(pack, recursive: true);
        replay.ExitCode.ShouldBe(0);
        var orders = (long)replay.Figure("ordersConfirmed");
        orders.ShouldBeGreaterThan(1_000);

        var (operation, href, killedAt) = await KillInTheThirdPart(organisation);

        var done = await Eventually.Is(
            () => organisation.Get($"/operations/{operation}"), x => x.GetProperty("completedAt").ValueKind != JsonValueKind.Null, TimeSpan.FromMinutes(1));
        done.GetProperty("status").GetString().ShouldBe("completed", done.GetRawText());
        done.GetProperty("attempt").GetInt32().ShouldBe(2);
        (done.GetProperty("completedAt").GetDateTimeOffset() - killedAt).ShouldBeLessThan(TakenUpAgainWithin);
        var file = await organisation.Client.GetStringAsync(href);
        var ids = file.Split("\r\n")[1..^1].Select(line => line[..36]).Distinct().ToList();
        ids.Count.ShouldBe((int)orders);
        done.GetProperty("result").GetProperty("orders").GetInt64().ShouldBe(orders);
        file.Split("\r\n").Length.ShouldBe((int)done.GetProperty("result").GetProperty("lines").GetInt64() + 2);
    }

    /// <summary>The third part waits for a lock of ours, which is given back once the worker is dead.</summary>
    private async Task<(Guid Operation, string Href, DateTimeOffset KilledAt)> KillInTheThirdPart(Organisation organisation)
    {
        await using var other = new NpgsqlConnection(await system.App.GetConnectionStringAsync("ordersdb"));
        await other.OpenAsync();
        await Run(other, $"""
            CREATE FUNCTION wait_here() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock({Lock}); RETURN NEW; END $$;
            CREATE TRIGGER wait_here BEFORE INSERT ON order_export_parts FOR EACH ROW WHEN (NEW.no = 2) EXECUTE FUNCTION wait_here();
            SELECT pg_advisory_lock({Lock});
            """);
        var export = await organisation.Post("/orders/exports", new { from = "2000-01-01T00:00:00Z", to = "2100-01-01T00:00:00Z" });
        var operation = export.GetProperty("operationId").GetGuid();
        await Eventually.Is(() => organisation.Get($"/operations/{operation}"), x => x.GetProperty("counters").GetProperty("done").GetRawText() == "1000");
        var killedAt = DateTimeOffset.UtcNow;
        await system.Kill("orders");
        await Run(other, $"SELECT pg_advisory_unlock({Lock}); DROP TRIGGER wait_here ON order_export_parts; DROP FUNCTION wait_here()");
        return (operation, export.GetProperty("href").GetString()!, killedAt);
    }

    private static async Task Run(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
