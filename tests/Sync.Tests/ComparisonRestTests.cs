using System.Text.Json;
using OpsPlatform.Testing;

namespace OpsPlatform.Sync.Tests;

/// <summary>A service and a source of its own, because the source fails.</summary>
public sealed class ComparisonRestTests : IAsyncLifetime
{
    private readonly HealthFixture _fixture = new();

    public ValueTask InitializeAsync() => ((IAsyncLifetime)_fixture).InitializeAsync();

    public ValueTask DisposeAsync() => ((IAsyncDisposable)_fixture).DisposeAsync();

    [Fact]
    public async Task A_table_whose_digest_failed_is_not_compared_again_at_the_next_check()
    {
        _fixture.Source.RefusesDigests = true;
        _fixture.Source.Set(Guid.NewGuid(), "a", 1);
        await Eventually.Is(() => Task.FromResult(_fixture.Source.DigestsRefused > 0));
        var (states, refused) = (_fixture.Source.StatesAsked, _fixture.Source.DigestsRefused);
        await Eventually.Is(() => Task.FromResult(_fixture.Source.StatesAsked >= states + 3));
        _fixture.Source.DigestsRefused.ShouldBe(refused);
    }

    [Fact]
    public async Task A_table_whose_digest_failed_holds_no_other_back()
    {
        _fixture.Source.HasRecipes = true;
        _fixture.Source.RefusesDigests = true;
        _fixture.Source.Set(Guid.NewGuid(), "a", 1);
        await Eventually.Is(() => Task.FromResult(_fixture.Source.DigestsRefused > 0));
        var (compared, refused) = (_fixture.Source.RecipesCompared, _fixture.Source.DigestsRefused);
        _fixture.Source.Set(Guid.NewGuid(), "b", 1);
        await Eventually.Is(() => Task.FromResult(_fixture.Source.RecipesCompared > compared));
        _fixture.Source.DigestsRefused.ShouldBe(refused);
    }

    [Fact]
    public async Task A_table_with_very_many_changes_under_way_is_looked_at_in_part_and_the_rest_estimated()
    {
        const int Rows = 20_000;
        var org = Guid.NewGuid();
        for (var row = 0; row < Rows; row++)
        {
            _fixture.Source.Set(org, $"row-{row}", 1, pending: true);
        }

        var health = await _fixture.Health(org, seen => InFlight(seen) > Rows / 2);
        InFlight(health).ShouldBe(Rows, Rows / 20);
        health.GetProperty("score").GetDouble().ShouldBe(1);
        // One reading of 8,000 rows, and the proof of those in two.
        _fixture.Source.RowsAsked[org].ShouldBeLessThanOrEqualTo(3 * _fixture.Source.BucketsAsked[org]);

        static double InFlight(JsonElement health) => health.GetProperty("tables").EnumerateArray().Sum(table => table.GetProperty("inFlight").GetDouble());
    }

    [Fact]
    public async Task A_service_that_is_away_is_named_without_its_address()
    {
        var org = Guid.NewGuid();
        var address = _fixture.Source.Address;
        await _fixture.Source.Stop();
        var health = await _fixture.Health(org, seen => seen.GetProperty("reasons").GetArrayLength() > 0);
        health.GetProperty("reasons")[0].GetString()!.ShouldEndWith("checks: It is away.");
        health.GetProperty("services")[0].GetProperty("problem").GetString().ShouldBe("It is away.");
        health.ToString().ShouldNotContain(address.Authority);
    }
}
