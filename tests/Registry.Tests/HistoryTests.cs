using Npgsql;
using OpsPlatform.Testing;

namespace OpsPlatform.Registry.Tests;

public sealed class HistoryTests(RegistryFixture registry)
{
    [Fact]
    public async Task Changes_of_state_are_kept_for_the_days_that_are_set_and_instances_that_are_gone_for_one()
    {
        await using var before = new RegistryFixture();
        await before.InitializeAsync();
        await using var gone = await StubInstance.Start(before);
        await using var stays = await StubInstance.Start(before);
        await gone.Announced();
        (await gone.Leave()).Dispose();
        await stays.Announced();
        await before.DisposeAsync();
        await using (var admin = new NpgsqlConnection((await Infrastructure.Get()).Database(before.DatabaseName)))
        {
            await admin.OpenAsync();
            await Run(admin, $"UPDATE health_history SET changed_at = now() - interval '49 hours' WHERE instance_id = '{gone.Id}' AND to_state = 'healthy'");
            await Run(admin, $"UPDATE health_history SET changed_at = now() - interval '47 hours' WHERE instance_id = '{gone.Id}' AND to_state = 'stopped'");
            await Run(admin, "UPDATE instances SET changed_at = now() - interval '25 hours'");
        }

        await using var after = new RegistryFixture { DatabaseName = before.DatabaseName, HistoryDays = 2 };
        await after.InitializeAsync();
        await Eventually.Is(() => after.PathOf(gone.Id), path => path.SequenceEqual(["stopped"]));
        await Eventually.Is(() => after.StateOf(gone.Service, gone.Id), state => state == "none");
        (await after.PathOf(stays.Id))[0].ShouldBe("healthy");
        (await after.StateOf(stays.Service, stays.Id)).ShouldNotBe("none");
    }

    [Fact]
    public async Task One_instances_history_is_read_by_an_index_however_long_the_others_is()
    {
        await using var owner = await registry.OpenAs("owner");
        await using var transaction = await owner.BeginTransactionAsync();
        await Run(owner, "INSERT INTO health_history SELECT gen_random_uuid(), 'x', gen_random_uuid(), 'x', 'x', NULL, 'lost', 'x', now() - n * interval '1 s' FROM generate_series(1, 5000) n; ANALYZE health_history");
        await using var explain = new NpgsqlCommand($"EXPLAIN SELECT * FROM health_history WHERE instance_id = '{Guid.NewGuid()}' ORDER BY changed_at DESC, id DESC LIMIT 51", owner);
        List<string> plan = [];
        await using (var row = await explain.ExecuteReaderAsync())
        {
            while (await row.ReadAsync())
            {
                plan.Add(row.GetString(0));
            }
        }

        plan.ShouldContain(line => line.Contains("Index Scan using health_history_instance"), string.Join('\n', plan));
        await transaction.RollbackAsync();
    }

    private static async Task Run(NpgsqlConnection session, string sql)
    {
        await using var command = new NpgsqlCommand(sql, session);
        await command.ExecuteNonQueryAsync();
    }
}
