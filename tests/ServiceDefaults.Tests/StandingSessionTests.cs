using Npgsql;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tests.Sample;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>A process that stands still in the middle of a transaction.</summary>
public sealed class StandingSessionTests(NotesFixture service) : IClassFixture<NotesFixture>
{
    [Theory]
    [InlineData("app")]
    [InlineData("relay")]
    [InlineData("owner")]
    [InlineData("digest")]
    public async Task It_is_waited_for_30_seconds(string role)
    {
        await using var session = await service.OpenAs(role);
        await using var setting = new NpgsqlCommand("SHOW idle_in_transaction_session_timeout", session);
        (await setting.ExecuteScalarAsync()).ShouldBe("30s");
    }

    [Fact]
    public async Task What_it_held_is_free_then_and_it_meets_a_database_that_is_away()
    {
        await using var standing = await service.OpenAs("app");
        await using var transaction = await standing.BeginTransactionAsync();
        await Lock(standing, "SET LOCAL idle_in_transaction_session_timeout = 200");
        await using var other = await service.OpenAs("app");
        await Lock(other, "SELECT");
        var gone = await Should.ThrowAsync<NpgsqlException>(() => transaction.CommitAsync());
        Faults.IsDatabaseAway(gone).ShouldBeTrue();
    }

    private static async Task Lock(NpgsqlConnection session, string first)
    {
        await using var take = new NpgsqlCommand($"{first}; SELECT pg_advisory_xact_lock(7150)", session);
        await take.ExecuteNonQueryAsync();
    }
}
